"""HTTP/1.1 over connections that are kept: as much of it as AWS's own servers need."""

import re
import socket
import ssl
import threading
import time
from typing import Final, NamedTuple
from urllib.parse import urlsplit

_CONTENT_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)
_CLOSES: Final = re.compile(rb"\r\nconnection:[ \t]*close[ \t]*\r\n", re.IGNORECASE)
_STATUS: Final = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_HEAD_BYTES: Final = 65_536
_AT_ONCE: Final = 65_536
# A server, or whatever stands before it, may have dropped an older one without a word.
_IDLE_SECONDS: Final = 20


class Answer(NamedTuple):
    """What a server answered.

    Attributes:
        status: the status.
        head: status line and headers, as they came.
        body: the body, as it came.
    """

    status: int
    head: bytes
    body: bytes


class NoAnswer(Exception):
    """There was no answer that could be read; the request may have been carried out."""


class Unreachable(NoAnswer):
    """No connection could be made: the request was not sent."""


class KeptConnections:
    """Connections to one server, one request at a time on each.

    Args:
        url: the server, http or https.
        connect_seconds: how long a connection may take to be made.
        read_seconds: how long a server may be silent.
    """

    def __init__(self, url: str, *, connect_seconds: float, read_seconds: float) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._tls else 80)
        self._connect_seconds = connect_seconds
        self._read_seconds = read_seconds
        self._context: ssl.SSLContext | None = None
        self._kept: list[tuple[socket.socket, float]] = []
        self._lock = threading.Lock()

    def exchange(self, request: bytes) -> Answer:
        """Send a whole request, which may be carried out twice, and return its answer.

        Raises:
            Unreachable: no connection could be made.
            NoAnswer: the server did not answer as expected.
        """
        connection = self._take()
        if connection is not None:
            try:
                return self._exchange(connection, request)
            except (OSError, NoAnswer) as error:
                connection.close()
                if isinstance(error, TimeoutError):
                    raise NoAnswer("The server is silent.") from error
                # The server had closed it meanwhile: that shows only now.
        try:
            connection = self._connect()
        except OSError as error:
            raise Unreachable("The server cannot be reached.") from error
        try:
            return self._exchange(connection, request)
        except OSError as error:
            connection.close()
            raise NoAnswer("The connection broke.") from error
        except NoAnswer:
            connection.close()
            raise

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            while self._kept:
                self._kept.pop()[0].close()

    def _take(self) -> socket.socket | None:
        now = time.monotonic()
        with self._lock:
            while self._kept:
                connection, since = self._kept.pop()
                if now - since < _IDLE_SECONDS:
                    return connection
                connection.close()
        return None

    def _connect(self) -> socket.socket:
        plain = socket.create_connection((self._host, self._port), self._connect_seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._tls:
            plain.settimeout(self._read_seconds)
            return plain
        try:
            secured = self._trust().wrap_socket(plain, server_hostname=self._host)
        except BaseException:
            plain.close()
            raise
        secured.settimeout(self._read_seconds)
        return secured

    def _trust(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = ssl.create_default_context()
        return self._context

    def _exchange(self, connection: socket.socket, request: bytes) -> Answer:
        connection.sendall(request)
        received = bytearray()
        while (end := received.find(b"\r\n\r\n")) < 0:
            if len(received) > _HEAD_BYTES:
                raise NoAnswer("The answer's head does not end.")
            received += _some(connection)
        head, body = bytes(received[: end + 2]), received[end + 4 :]
        status, length = _STATUS.match(head), _CONTENT_LENGTH.search(head)
        if status is None or length is None:
            raise NoAnswer("The answer is of another kind than expected.")
        wanted = int(length[1])
        while len(body) < wanted:
            body += _some(connection)
        if len(body) > wanted:
            raise NoAnswer("The answer is longer than it says.")
        if _CLOSES.search(head):
            connection.close()
        else:
            with self._lock:
                self._kept.append((connection, time.monotonic()))
        return Answer(int(status[1]), head, bytes(body))


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(_AT_ONCE)
    if not data:
        raise NoAnswer("The server closed the connection.")
    return data
