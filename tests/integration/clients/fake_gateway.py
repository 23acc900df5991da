"""A small WebSocket server in the place of the gateway, which does exactly what a test tells it."""

import json
import queue
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

PATIENCE_SECONDS = 10.0
THREAD = "thread_1"
RUN = "run_1"


def event(event_id: str, name: str = "thread.message.delta", **data: Any) -> dict[str, Any]:
    """Return an event as it stands in a frame."""
    return {"id": event_id, "event": name, "data": data}


class GatewayConnection:
    """The server's end of one connection.

    Attributes:
        authorization: the header of that name.
        path: what was asked for, with its query.
        frame_sizes: the sizes, in bytes, of the frames of the last message.
    """

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._requests: queue.Queue[dict[str, Any] | None] = queue.Queue()
        request = connection.request
        assert request is not None
        self.authorization = request.headers.get("Authorization")
        self.path = request.path
        self.frame_sizes: list[int] = []

    def serve(self) -> None:
        """Take in what the client says until the connection is over."""
        try:
            while True:
                frames = list(self._connection.recv_streaming())
                self.frame_sizes = [len(frame) for frame in frames]
                self._requests.put(json.loads("".join(map(str, frames))))
        except ConnectionClosed:
            self._requests.put(None)

    def next_request(self) -> dict[str, Any]:
        """Return what the client says next."""
        request = self._requests.get(timeout=PATIENCE_SECONDS)
        assert request is not None, "the client closed the connection"
        return request

    def expect(self, **fields: Any) -> dict[str, Any]:
        """Return the client's next request; fail unless it has these fields (None: has not)."""
        request = self.next_request()
        assert {name: request.get(name) for name in fields} == fields
        return request

    def requests(self) -> Iterator[dict[str, Any]]:
        """Yield what the client says until the connection is over."""
        while (request := self._requests.get(timeout=PATIENCE_SECONDS)) is not None:
            yield request

    def wait_until_closed(self) -> list[dict[str, Any]]:
        """Return what the client still said before it closed the connection."""
        return list(self.requests())

    def say(self, message: dict[str, Any] | str) -> None:
        """Send something, if the connection still stands."""
        text = message if isinstance(message, str) else json.dumps(message)
        with suppress(ConnectionClosed):
            self._connection.send(text)

    def push(
        self, after: str | None, *events: dict[str, Any], run: str = RUN, thread: str = THREAD
    ) -> None:
        """Send an event frame."""
        frame = {"run_id": run, "thread_id": thread, "after": after, "events": list(events)}
        self.say(frame)

    def confirm(
        self, request: dict[str, Any], *, last: str | None = None, status: str = "in_progress"
    ) -> None:
        """Answer a subscription."""
        self.say(
            {
                "type": "subscribed",
                "thread_id": request["thread_id"],
                "run_id": request.get("run_id"),
                "id": request["id"],
                "last": last,
                "status": status,
            }
        )

    def accept(self, **fields: Any) -> dict[str, Any]:
        """Expect a subscription and confirm it."""
        request = self.expect(action="subscribe", **fields)
        self.confirm(request)
        return request

    def close(self) -> None:
        """End the connection in good order."""
        self._connection.close()

    def cut(self) -> None:
        """End the connection without a word, as a broken network does."""
        with suppress(OSError):
            self._connection.socket.shutdown(socket.SHUT_RDWR)


class FakeGateway:
    """Listens on a free port of this machine.

    Attributes:
        refusals: HTTP statuses with which the next handshakes are refused.
        handshakes: how many handshakes there were.
        connections: those that were let in, oldest first.
    """

    def __init__(self) -> None:
        self.refusals: deque[int] = deque()
        self.handshakes = 0
        self._connections: queue.Queue[GatewayConnection] = queue.Queue()
        self.connections: list[GatewayConnection] = []
        self._server = serve(
            self._serve, "127.0.0.1", 0, process_request=self._greet, compression=None
        )
        self._thread = threading.Thread(target=self._server.serve_forever)
        port = self._server.socket.getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/live"

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """End, and cut all connections; may be called more than once."""
        for connection in list(self.connections):
            connection.cut()
        self._server.shutdown()
        if self._thread.is_alive():
            self._thread.join()

    def next_connection(self) -> GatewayConnection:
        """Return the next connection that a client makes."""
        return self._connections.get(timeout=PATIENCE_SECONDS)

    def _greet(self, connection: ServerConnection, _request: Request) -> Response | None:
        self.handshakes += 1
        if self.refusals:
            return connection.respond(self.refusals.popleft(), "refused\n")
        return None

    def _serve(self, connection: ServerConnection) -> None:
        ours = GatewayConnection(connection)
        self.connections.append(ours)
        self._connections.put(ours)
        ours.serve()


@contextmanager
def served(*scripts: Callable[[FakeGateway], None]) -> Iterator[FakeGateway]:
    """Run a gateway for as long as the block lasts, and each script on a thread beside it.

    Raises:
        Exception: what a script raised, rather than what followed from it in the block.
    """
    gateway = FakeGateway()
    gateway.start()
    with ThreadPoolExecutor(len(scripts) or 1) as pool:
        playing = [pool.submit(_play, script, gateway) for script in scripts]
        try:
            yield gateway
        except BaseException:
            gateway.stop()
            for each in playing:
                each.result(2 * PATIENCE_SECONDS)
            raise
        try:
            for each in playing:
                each.result(2 * PATIENCE_SECONDS)
        finally:
            gateway.stop()


def _play(script: Callable[[FakeGateway], None], gateway: FakeGateway) -> None:
    try:
        script(gateway)
    except BaseException:
        # The client is not to wait for what will not come.
        gateway.stop()
        raise
