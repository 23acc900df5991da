"""A TCP proxy that resets connections all the time, as a bad network does."""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 65_536
# Closing then sends a reset, and whatever is on its way is lost.
_RESET = struct.pack("ii", 1, 0)


class CuttingProxy:
    """Passes connections on to a server, and resets one of them every so often.

    Args:
        host: the server's.
        port: the server's.
        every: seconds from one reset to the next.
        seed: chooses which connection is next.

    Attributes:
        port: where it listens, on this machine.
        cuts: how many connections it has reset.
    """

    def __init__(self, host: str, port: int, *, every: float, seed: int = 0) -> None:
        self._target = (host, port)
        self._every = every
        self._rng = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._open: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []
        self._listening = threading.Event()
        self._ending = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()])
        self.port = 0
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
        self.port = server.sockets[0].getsockname()[1]
        self._listening.set()
        cutting = asyncio.create_task(self._cut_for_ever())
        await self._ending.wait()
        cutting.cancel()
        server.close()
        while self._open:
            self._reset(self._open[0])
            await asyncio.sleep(0)
        passing = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.wait(passing)

    async def _cut_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            if self._open:
                self._reset(self._rng.choice(self._open))
                self.cuts += 1

    def _reset(self, pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
        self._open.remove(pair)
        for writer in pair:
            with contextlib.suppress(OSError):
                connection: socket.socket = writer.get_extra_info("socket")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.close()
            return
        pair = (writer, far_writer)
        self._open.append(pair)
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        if pair in self._open:
            self._open.remove(pair)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    writer.close()
