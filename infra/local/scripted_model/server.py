"""The server's life: it listens, serves in the foreground or in a thread, and ends at once."""

import asyncio
import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn

from infra.local.scripted_model.app import Settings, make_app
from infra.local.scripted_model.connection import Connection
from infra.local.scripted_model.recorder import Recorder, RequestRecord

LOOPBACK = "127.0.0.1"

_BACKLOG = 1024
_KEEP_ALIVE_SECONDS = 300  # longer than a pooled connection stays unused in a client
_LONGEST_STOP_SECONDS = 10


class _Server(uvicorn.Server):
    """Uvicorn, except that it waits for no answer to end: one may be stalling for minutes."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)  # asyncio tells the connections of their end
        await super().shutdown(sockets)


class ScriptedModelServer:
    """A scripted model server. As a context manager it serves in a thread of its own::

    with ScriptedModelServer(tokens_per_second=200) as server:
        client = OpenAI(base_url=server.base_url, api_key="any")
        ...
        assert len(server.requests) == 1
    """

    def __init__(
        self,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        tokens_per_second: float = 40,
        api_key: str | None = None,
    ) -> None:
        """Listen; connections that come before the server serves wait for it.

        Args:
            host: The address to listen on.
            port: The port to listen on; 0 takes a free one.
            tokens_per_second: How fast answers come, unless a script says otherwise.
            api_key: The only key to accept; None to accept any.

        Raises:
            OSError: The port is taken, or the address is not one of this machine.
            ValueError: The pace is not above 0.
        """
        settings = Settings(tokens_per_second, api_key)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        self._host = f"[{host}]" if ":" in host else host
        self._port: int = self._socket.getsockname()[1]
        self._recorder = Recorder()
        self._server = _Server(
            uvicorn.Config(
                make_app(settings, self._recorder),
                http=Connection,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,  # the caller's own port is wanted
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            )
        )
        self._thread = threading.Thread(
            target=self.serve, name=f"scripted-model-{self._port}", daemon=True
        )

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL."""
        return f"http://{self._host}:{self._port}/v1"

    @property
    def requests(self) -> list[RequestRecord]:
        """The last requests for completions, oldest first; the records are live."""
        return self._recorder.list()

    def clear(self) -> None:
        """Forget the recorded requests."""
        self._recorder.clear()

    def serve(self) -> None:
        """Serve until the process is told to end (SIGINT, SIGTERM) or `stop` is called."""
        self._server.run(sockets=[self._socket])

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; answers on their way are cut."""
        self._server.should_exit = True
        self._thread.join(_LONGEST_STOP_SECONDS)
        if self._thread.is_alive():
            raise TimeoutError("The scripted model server did not end.")

    def __enter__(self) -> Self:
        """Serve in a thread."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the thread."""
        self.stop()
