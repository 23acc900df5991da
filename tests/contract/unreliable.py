"""A server for one run, behind a network that loses, doubles and delays frames, and cuts.

It speaks the protocol of docs/websocket.md over real sockets, tickets and large events over HTTP.
"""

import json
import random
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from tests.support.http_service import Exchange, Received, http_service

KEY = "sk-of-a-project"
THREAD = "thread_1"
RUN = "run_1"
# How often what goes wrong, of all frames.
_LOST, _DOUBLED, _HELD_BACK, _CUT = 0.1, 0.2, 0.2, 0.04
_LARGE_EVERY = 23
_PAUSE_SECONDS = 0.001


def make_log(rng: random.Random, length: int) -> list[dict[str, Any]]:
    """Return a run's events, of several writers, the last of which ends the run."""
    epoch, seq, log = 0, 0, []
    for number in range(length):
        if number and rng.random() < 0.05:
            epoch, seq = epoch + rng.randint(1, 3), 0
        last = number == length - 1
        name = "thread.run.completed" if last else "thread.message.delta"
        log.append({"id": f"{epoch}-{seq}", "event": name, "data": {"number": number}})
        seq += 1
    return log


@dataclass
class UnreliableServer:
    """What happens to a client, drawn from a seed.

    Attributes:
        log: the run's events.
        created: by idempotency key, how often a run was asked for.
        paths: of all handshakes and requests, with their queries.
        connections: how many were opened.
    """

    rng: random.Random
    log: list[dict[str, Any]]
    created: dict[str, int] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)
    connections: int = 0
    socket_url: str = ""
    _tickets: set[str] = field(default_factory=set)
    _failures: int = 3
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # Over HTTP.

    def answer(self, exchange: Exchange, request: Received) -> None:
        """Give a ticket, or an event that was too large for a frame."""
        self.paths.append(request.target)
        parts = urlsplit(request.target)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            self._say(exchange, 401, {"error": {"message": "Who are you?"}})
        elif self._fails():
            self._say(exchange, 503, {"error": {"message": "Not now."}})
        elif parts.path == "/v1/realtime/tickets":
            ticket = secrets.token_urlsafe()
            self._tickets.add(ticket)
            self._say(exchange, 200, {"ticket": ticket, "websocket_url": self.socket_url})
        else:
            after = parse_qs(parts.query).get("after", [None])[0]
            self._say(exchange, 200, {"data": [self.log[self._place(after)]]})

    def _say(self, exchange: Exchange, status: int, body: dict[str, Any]) -> None:
        exchange.answer(status, json.dumps(body).encode(), Content_Type="application/json")

    def _fails(self) -> bool:
        with self._lock:
            self._failures -= 1
            return self._failures >= 0

    # Over the WebSocket.

    def greet(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let in who brings a ticket that nobody used before."""
        self.paths.append(request.path)
        (ticket,) = parse_qs(urlsplit(request.path).query)["ticket"]
        if ticket not in self._tickets:
            return connection.respond(401, "No such ticket.\n")
        self._tickets.remove(ticket)
        self.connections += 1
        return None

    def serve(self, connection: ServerConnection) -> None:
        """Answer what a client says until the connection is over."""
        with suppress(ConnectionClosed):
            while True:
                request = json.loads(connection.recv())
                if request["action"] == "run.create":
                    self._create(connection, request)
                elif request["action"] == "subscribe":
                    self._subscribe(connection, request)
                else:
                    connection.send('{"type": "pong"}')

    def _create(self, connection: ServerConnection, request: dict[str, Any]) -> None:
        key = request["idempotency_key"]
        self.created[key] = self.created.get(key, 0) + 1
        # The first answers never arrive.
        if self.created[key] <= 2:
            connection.socket.close()
            return
        answer = {"type": "run.created", "id": request["id"], "thread_id": THREAD, "run_id": RUN}
        connection.send(
            json.dumps(answer | {"run": {"id": RUN, "thread_id": THREAD}, "last": None})
        )
        self._push(connection, self._frames(0, len(self.log) // 3))

    def _subscribe(self, connection: ServerConnection, request: dict[str, Any]) -> None:
        begin = self._place(request.get("after"))
        end = self.rng.randint(begin, len(self.log))
        self._push(connection, self._frames(begin, end))
        last = self.log[end - 1]["id"] if end else None
        over = begin == len(self.log)
        answer = {"type": "subscribed", "id": request["id"], "thread_id": THREAD, "run_id": RUN}
        status = "completed" if over else "in_progress"
        connection.send(json.dumps(answer | {"last": last, "status": status}))
        self._push(connection, self._frames(end, len(self.log)))

    def _push(self, connection: ServerConnection, frames: list[dict[str, Any]]) -> None:
        held: list[str] = []
        for frame in frames:
            chance = self.rng.random()
            text = json.dumps(frame)
            if chance < _CUT:
                connection.socket.close()
                raise ConnectionClosed(None, None)
            if chance < _CUT + _LOST:
                continue
            if chance < _CUT + _LOST + _HELD_BACK:
                held.append(text)
                continue
            copies = 2 if chance > 1 - _DOUBLED else 1
            for each in [text] * copies + held:
                connection.send(each)
            held = []
            time.sleep(_PAUSE_SECONDS)
        for text in held:
            connection.send(text)

    def _frames(self, begin: int, end: int) -> list[dict[str, Any]]:
        frames = []
        while begin < end:
            size = min(self.rng.randint(1, 5), end - begin)
            after = self.log[begin - 1]["id"] if begin else None
            events = [self._spelled(place) for place in range(begin, begin + size)]
            frame = {"run_id": RUN, "thread_id": THREAD, "after": after, "events": events}
            frames.append(frame)
            begin += size
        return frames

    def _spelled(self, place: int) -> dict[str, Any]:
        event = self.log[place]
        if place % _LARGE_EVERY:
            return event
        query = f"?after={self.log[place - 1]['id']}&limit=1" if place else "?limit=1"
        href = f"/v1/threads/{THREAD}/runs/{RUN}/events{query}"
        return {"id": event["id"], "event": event["event"], "data": None, "href": href}

    def _place(self, after: str | None) -> int:
        if after is None:
            return 0
        return next(n for n, event in enumerate(self.log) if event["id"] == after) + 1


@contextmanager
def serve_unreliably(seed: int, length: int) -> Iterator[tuple[UnreliableServer, str]]:
    """Serve a run of so many events; gives the server and its base URL."""
    rng = random.Random(seed)
    unreliable = UnreliableServer(rng, make_log(rng, length))
    with (
        http_service(unreliable.answer) as http,
        serve(
            unreliable.serve, "127.0.0.1", 0, process_request=unreliable.greet, compression=None
        ) as sockets,
    ):
        unreliable.socket_url = f"ws://127.0.0.1:{sockets.socket.getsockname()[1]}/live"
        thread = _in_background(sockets)
        try:
            yield unreliable, f"http://127.0.0.1:{http.port}/v1"
        finally:
            sockets.shutdown()
            thread.join()


def _in_background(server: Server) -> threading.Thread:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    return thread
