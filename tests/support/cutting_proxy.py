"""A TCP proxy that resets connections all the time, as a bad network does."""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_CHUNK_BYTES = 65_536
# Closing then sends a reset, and whatever is on its way is lost.
_RESET = struct.pack("ii", 1, 0)


class CuttingProxy:
    """Passes connections on to a server, and resets one of them every so often.

    The client's end is reset: what it has said still reaches the server, what it was about to hear
    is lost. A connection is spared until the server has said something, or a slow server would
    never get to answer.

    Args:
        url: the server's, with a port.
        every: seconds from one reset to the next.
        lost_answers: so many of the first connections are reset as soon as the client has said
            something beyond its handshake.
        seed: chooses which connection is next.

    Attributes:
        url: the server's, by way of the proxy.
        cuts: how many connections it has reset.
    """

    def __init__(self, url: str, *, every: float, lost_answers: int = 0, seed: int = 0) -> None:
        self._server = urlsplit(url)
        self.url = ""
        self._every = every
        self._lost_answers = lost_answers
        self._rng = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._open: list[_Passage] = []
        self._listening = threading.Event()
        self._ending = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()])
        self.cuts = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.url = self._server._replace(netloc=f"127.0.0.1:{port}").geturl()
        self._listening.set()
        cutting = asyncio.create_task(self._cut_for_ever())
        await self._ending.wait()
        cutting.cancel()
        server.close()
        for passage in self._open:
            passage.reset()
        passing = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait(passing)

    async def _cut_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            answered = [each for each in self._open if each.chunks_heard]
            if answered:
                self._cut(self._rng.choice(answered))

    def _cut(self, passage: "_Passage") -> None:
        self._open.remove(passage)
        passage.reset()
        self.cuts += 1

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(
                self._server.hostname, self._server.port
            )
        except OSError:
            writer.close()
            return
        passage = _Passage(writer, far_writer)
        self._open.append(passage)
        await asyncio.gather(
            self._speak(passage, reader, far_writer), self._hear(passage, far_reader, writer)
        )
        if passage in self._open:
            self._open.remove(passage)

    async def _speak(
        self, passage: "_Passage", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async for data in _chunks(reader):
            writer.write(data)
            if passage.chunks_heard and self._lost_answers > 0 and passage in self._open:
                self._lost_answers -= 1
                self._cut(passage)
        writer.close()

    async def _hear(
        self, passage: "_Passage", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async for data in _chunks(reader):
            passage.chunks_heard += 1
            writer.write(data)
        writer.close()


class _Passage:
    """A connection of a client, and the one that is its other half."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self._near = near
        self._far = far
        self.chunks_heard = 0

    def reset(self) -> None:
        with contextlib.suppress(OSError):
            connection: socket.socket = self._near.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._near.transport.abort()
        self._far.close()


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK_BYTES):
            yield data
