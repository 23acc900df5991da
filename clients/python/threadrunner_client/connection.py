"""One WebSocket connection on a thread of its own, from the attempt to open it to its end."""

import contextlib
import threading
from collections.abc import Callable
from typing import cast

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from threadrunner_client.entrance import (
    CLOSE_TIMEOUT_SECONDS,
    Entrance,
    Handshake,
    Tickets,
    connect_options,
    ticket_failure,
)
from threadrunner_client.messages import framed
from threadrunner_client.reports import Closed, Opened, Received, Report, closing_of, failure_of


class Connection:
    """Opens a connection, passes its messages on, and tells when it is over.

    Args:
        entrance: makes the handshake.
        report: told what happens, on the connection's own thread.
        open_timeout: for all handshakes, in seconds.
        keepalive_interval: seconds between the protocol's own pings; None for none.
    """

    def __init__(
        self,
        entrance: Entrance,
        report: "Callable[[Connection, Report], None]",
        *,
        open_timeout: float,
        keepalive_interval: float | None,
    ) -> None:
        self._entrance = entrance
        self._report = report
        self._open_timeout = open_timeout
        self._keepalive_interval = keepalive_interval
        self._socket: ClientConnection | None = None
        self._unwanted = False
        # A daemon, so that an interpreter can end while an attempt to connect hangs.
        self._thread = threading.Thread(
            target=self._run, name="threadrunner-connection", daemon=True
        )

    def start(self) -> None:
        """Begin; everything further is reported."""
        self._thread.start()

    def send(self, text: str) -> None:
        """Send a message; if the connection is closed, that is reported, not raised."""
        if self._socket is not None:
            with contextlib.suppress(ConnectionClosed):
                self._socket.send(framed(text))

    def close(self) -> None:
        """End the connection, or the attempt to open it; may take seconds if the peer is dead."""
        self._unwanted = True
        if self._socket is not None:
            self._socket.close()
            self._thread.join(2 * CLOSE_TIMEOUT_SECONDS)

    def _run(self) -> None:
        try:
            with self._connect(self._handshake()) as socket:
                self._socket = socket
                if self._unwanted:
                    return
                self._entrance.passed()
                self._report(self, Opened())
                self._report(self, self._receive(socket))
        except Exception as error:
            # Whatever it is: a thread that ended in silence would leave the client waiting.
            self._report(self, failure_of(error, self._entrance.credential))

    def _handshake(self) -> Handshake:
        if self._entrance.ticket is None:
            return self._entrance.handshake()
        try:
            ticket = cast(Tickets, self._entrance.ticket)()
        except Exception as error:
            raise ticket_failure(error) from None
        return self._entrance.handshake(ticket)

    def _connect(self, handshake: Handshake) -> ClientConnection:
        options = connect_options(
            handshake,
            open_timeout=self._open_timeout,
            keepalive_interval=self._keepalive_interval,
        )
        socket: ClientConnection = connect(handshake.url, **options)
        return socket

    def _receive(self, socket: ClientConnection) -> Closed:
        """Pass messages on until the connection is over; return why it is."""
        try:
            while True:
                self._report(self, Received(socket.recv()))
        except ConnectionClosed as error:
            return closing_of(error)
