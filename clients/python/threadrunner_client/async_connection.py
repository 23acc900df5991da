"""One WebSocket connection as a task, from the attempt to open it to its end."""

import asyncio
import contextlib
from collections.abc import Callable
from inspect import isawaitable

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from threadrunner_client.entrance import Entrance, Handshake, connect_options, ticket_failure
from threadrunner_client.messages import framed
from threadrunner_client.reports import Closed, Opened, Received, Report, closing_of, failure_of


class AsyncConnection:
    """Opens a connection, passes its messages on, and tells when it is over.

    Args:
        entrance: makes the handshake.
        report: told what happens, in the connection's own task.
        open_timeout: for all handshakes, in seconds.
        keepalive_interval: seconds between the protocol's own pings; None for none.
    """

    def __init__(
        self,
        entrance: Entrance,
        report: "Callable[[AsyncConnection, Report], None]",
        *,
        open_timeout: float,
        keepalive_interval: float | None,
    ) -> None:
        self._entrance = entrance
        self._report = report
        self._open_timeout = open_timeout
        self._keepalive_interval = keepalive_interval
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; everything further is reported."""
        self._task = asyncio.create_task(self._run(), name="threadrunner-connection")

    def send(self, text: str) -> None:
        """Send a message, in its turn; if the connection is closed, that is reported."""
        self._outgoing.put_nowait(text)

    def close(self) -> None:
        """Begin to end the connection, or the attempt to open it; nothing more is reported."""
        if self._task is not None:
            self._task.cancel()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be reported."""
        return self._task is not None and self._task.done()

    async def wait_closed(self) -> None:
        """Wait until it is over."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(self._open_timeout):
                handshake = await self._handshake()
            socket = await self._connect(handshake)
        except Exception as error:
            self._report(self, failure_of(error, self._entrance.credential))
            return
        sender = asyncio.create_task(self._send_all(socket), name="threadrunner-sender")
        try:
            self._entrance.passed()
            self._report(self, Opened())
            closed = await self._receive(socket)
        finally:
            sender.cancel()
            await asyncio.wait([sender])
            await socket.close()
        self._report(self, closed)

    async def _handshake(self) -> Handshake:
        if self._entrance.ticket is None:
            return self._entrance.handshake()
        try:
            ticket = await asyncio.to_thread(self._entrance.ticket)
            if isawaitable(ticket):
                ticket = await ticket
        except Exception as error:
            raise ticket_failure(error) from None
        return self._entrance.handshake(ticket)

    async def _connect(self, handshake: Handshake) -> ClientConnection:
        options = connect_options(
            handshake,
            open_timeout=self._open_timeout,
            keepalive_interval=self._keepalive_interval,
        )
        return await connect(handshake.url, **options)

    async def _receive(self, socket: ClientConnection) -> Closed:
        """Pass messages on until the connection is over; return why it is."""
        try:
            while True:
                self._report(self, Received(await socket.recv()))
        except ConnectionClosed as error:
            return closing_of(error)

    async def _send_all(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.send(framed(await self._outgoing.get()))
