"""One WebSocket connection on a thread of its own, from the attempt to open it to its end."""

import contextlib
import logging
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from threadrunner_client.errors import AuthenticationError, ConnectionLost, ThreadRunnerError
from threadrunner_client.key import ApiKey

_CLOSE_TIMEOUT_SECONDS = 1.0
# Client errors that may pass: request timeout, too early, too many requests.
_PASSING_STATUSES = frozenset({408, 425, 429})

# At its debug level the library writes headers and messages to its log: the key and what users say.
_SILENT = logging.Logger("threadrunner_client.websockets")
_SILENT.disabled = True


@dataclass(frozen=True, slots=True)
class Opened:
    """The connection stands."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be opened.

    Attributes:
        reason: why, in a few words without secrets.
        final: the error to end with, if trying again is of no use.
    """

    reason: str
    final: ThreadRunnerError | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A message came."""

    text: str | bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection had been open, and is no longer."""

    reason: str


Report = Opened | Failed | Received | Closed


def check_url(url: str) -> str:
    """Return a WebSocket URL if it can be connected to.

    Raises:
        ValueError: it is not a ws: or wss: URL with a host, or it carries a user name or a
            fragment.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError("The WebSocket URL does not begin with wss:// (or ws://) and a host.")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("The WebSocket URL may have neither a user name nor a fragment.")
    return url


class Connection:
    """Opens a connection, passes its messages on, and tells when it is over.

    Args:
        url: a URL that `check_url` let through.
        key: sent with the handshake.
        report: told what happens, on the connection's own thread.
        open_timeout: for all handshakes, in seconds.
        keepalive_interval: seconds between the protocol's own pings; None for none.
    """

    def __init__(
        self,
        url: str,
        key: ApiKey,
        report: "Callable[[Connection, Report], None]",
        *,
        open_timeout: float,
        keepalive_interval: float | None,
    ) -> None:
        self._url = url
        self._key = key
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
                self._socket.send(text)

    def close(self) -> None:
        """End the connection, or the attempt to open it; may take a second if the peer is dead."""
        self._unwanted = True
        if self._socket is not None:
            self._socket.close()

    def join(self) -> None:
        """Wait for the thread of a closed connection."""
        if self._socket is not None:
            self._thread.join(2 * _CLOSE_TIMEOUT_SECONDS)

    def _run(self) -> None:
        try:
            with self._connect() as socket:
                self._socket = socket
                if self._unwanted:
                    return
                self._report(self, Opened())
                self._report(self, Closed(self._receive(socket)))
        except Exception as error:
            # Whatever it is: a thread that ended in silence would leave the client waiting.
            self._report(self, _failure(error))

    def _connect(self) -> ClientConnection:
        return connect(
            self._url,
            additional_headers=self._key.headers(),
            user_agent_header="threadrunner-client",
            open_timeout=self._open_timeout,
            close_timeout=_CLOSE_TIMEOUT_SECONDS,
            ping_interval=self._keepalive_interval,
            ping_timeout=self._keepalive_interval,
            # API Gateway has trouble with some parameters of compression, and frames are small.
            compression=None,
            # Messages wait in the subscriptions' queues; a full queue here would stop the pings.
            max_queue=None,
            logger=_SILENT,
        )

    def _receive(self, socket: ClientConnection) -> str:
        """Pass messages on until the connection is over; return why it is."""
        try:
            while True:
                self._report(self, Received(socket.recv()))
        except ConnectionClosed as error:
            close = error.rcvd or error.sent
            return "it was cut" if close is None else f"it was closed with code {close.code}"


def _failure(error: Exception) -> Failed:
    """Return why a connection could not be opened, and whether it will be the same next time."""
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        return Failed(f"HTTP status {status}", _final_status(status))
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = f"the server's certificate is not valid: {error.verify_message}"
        return Failed(reason, ConnectionLost(f"No connection: {reason}."))
    if isinstance(error, OSError):
        return Failed(error.strerror or str(error) or type(error).__name__)
    # Only the kind of any other error: its text may quote what was sent.
    return Failed(type(error).__name__)


def _final_status(status: int) -> ThreadRunnerError | None:
    if status in (401, 403):
        return AuthenticationError(f"The server does not accept the API key (HTTP {status}).")
    if 300 <= status < 500 and status not in _PASSING_STATUSES:
        return ConnectionLost(f"The server refused the connection with HTTP status {status}.")
    return None
