"""A small HTTP service on this machine, for tests of what tools do over a real connection."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    """A request as it arrived. Header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpService:
    """A service that answers each request by one function.

    Attributes:
        port: where it listens, on 127.0.0.1.
        received: the requests, in their order.
    """

    port: int
    received: list[Received] = field(default_factory=list)


class Exchange(BaseHTTPRequestHandler):
    """One request, and the means to answer it."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Send a whole response; `_` in a header's name stands for `-`."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the tests look at what was received."""


Behaviour = Callable[[Exchange, Received], None]


@contextmanager
def http_service(
    behaviour: Behaviour, *, tls: ssl.SSLContext | None = None
) -> Iterator[HttpService]:
    """Run a service on a free port of 127.0.0.1 for as long as the context lasts."""

    class Handler(Exchange):
        def do_anything(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            request = Received(
                method=self.command,
                target=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(length),
            )
            service.received.append(request)
            try:
                behaviour(self, request)
            except OSError:
                # The client has what it wanted, or has given up.
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_anything

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing of broken connections: some tests break them on purpose."""

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    service = HttpService(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
