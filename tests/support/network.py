"""A network and a resolver that follow a script, for what egress does before and between bytes."""

import ssl
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore2

from adapters.egress import (
    EgressAllowList,
    EgressClient,
)
from core.openapi import PreparedRequest

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Stream(httpcore2.NetworkStream):
    """A connection that answers from a script, a few bytes at a time."""

    def __init__(self, network: "Network", answer: bytes) -> None:
        self._network = network
        self._answer = answer

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._network.clock.now += self._network.seconds_per_read
        assert timeout is not None
        self._network.longest_wait = max(self._network.longest_wait, timeout)
        size = min(max_bytes, self._network.bytes_per_read)
        chunk, self._answer = self._answer[:size], self._answer[size:]
        return chunk

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._network.clock.now += self._network.seconds_per_write
        self._network.sent[-1] += buffer

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        self._network.tls_names.append(server_hostname)
        return self

    def close(self) -> None:
        self._network.closed += 1

    def get_extra_info(self, info: str) -> Any:
        return None


class Network(httpcore2.NetworkBackend):
    """Connections that answer from a script, in the order of the answers."""

    def __init__(self, *answers: bytes | Exception) -> None:
        self.clock = Clock()
        self.answers = list(answers)
        self.connected: list[tuple[str, int]] = []
        self.sent: list[bytes] = []
        self.tls_names: list[str | None] = []
        self.closed = 0
        self.longest_wait = 0.0
        self.seconds_per_read = 0.0
        self.seconds_per_write = 0.0
        self.seconds_per_connect = 0.0
        self.bytes_per_read = 65_536

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        self.connected.append((host, port))
        self.clock.now += self.seconds_per_connect
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        self.sent.append(b"")
        return Stream(self, answer)


class Names:
    """A resolver with a script: each look-up of a name takes its next answer."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.answers = {name.replace("_", "."): list(given) for name, given in answers.items()}
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        if host not in self.answers:
            raise OSError("unknown")
        answers = self.answers[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def client(
    network: Network, names: Names | None = None, allow: str = "", **more: Any
) -> EgressClient:
    return EgressClient(
        EgressAllowList.parse(allow),
        resolver=names or Names(a_example=[["93.184.216.34"]], b_example=[["93.184.216.35"]]),
        network=network,
        clock=network.clock,
        ssl_context=ssl.create_default_context(),
        **more,
    )


def get(
    url: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> PreparedRequest:
    return PreparedRequest(
        method, url, {key.replace("_", "-"): v for key, v in headers.items()}, body
    )
