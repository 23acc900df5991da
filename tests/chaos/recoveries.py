"""How long runs stood still after their worker was killed: from what the model was asked."""

import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from infra.local.info import StackInfo
from infra.local.scripted_model.script import parse_script
from tests.chaos.killer import Kill

_EVERY_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of the model.

    Attributes:
        name: of the script that it was answered by: the run's tag.
        received_at, finished_at: unix seconds; None if it is not finished.
        peer_port: the port of the worker that asked.
    """

    name: str
    received_at: float
    finished_at: float | None
    peer_port: int


@dataclass(frozen=True, slots=True)
class Interruption:
    """A runner that was killed while the model answered it.

    Attributes:
        name: the run's tag.
        killed_at: unix seconds.
        seconds: until another one asked the model again; None if nobody did, since the run ended.
    """

    name: str
    killed_at: float
    seconds: float | None


def interruptions(kills: Iterable[Kill], asked: Sequence[Asked], port: int) -> list[Interruption]:
    """Return which kills hit a runner while the model answered.

    Args:
        kills: whom the killer killed.
        asked: what the model was asked.
        port: where the model listens.
    """
    hits = []
    for kill in kills:
        own = {mine for mine, server in kill.peers.items() if server == port}
        for request in asked:
            # A worker keeps its connection after an answer: that one is over by then.
            under_way = request.received_at <= kill.at and (
                request.finished_at is None or request.finished_at >= kill.at
            )
            if request.peer_port in own and under_way:
                again = min(
                    (
                        each.received_at
                        for each in asked
                        if each.name == request.name and each.received_at > kill.at
                    ),
                    default=None,
                )
                seconds = None if again is None else again - kill.at
                hits.append(Interruption(request.name, kill.at, seconds))
    return hits


class ModelLedger(threading.Thread):
    """Keeps what the scripted model was asked, which itself forgets the oldest requests.

    Args:
        info: the stack that the model belongs to.
    """

    def __init__(self, info: StackInfo) -> None:
        super().__init__(name="ledger", daemon=True)
        self._url = info.model.base_url.removesuffix("/v1") + "/requests"
        self._requests: dict[int, dict[str, Any]] = {}
        self._stopped = threading.Event()

    def run(self) -> None:
        """Collect now and then."""
        while not self._stopped.wait(_EVERY_SECONDS):
            # A model server that is too busy is asked again.
            with suppress(httpx.HTTPError):
                self._collect()

    def close(self) -> list[Asked]:
        """Collect for the last time; return all scripted requests, oldest first."""
        self._stopped.set()
        self.join()
        self._collect()
        requests = (_asked(self._requests[number]) for number in sorted(self._requests))
        return [request for request in requests if request is not None]

    def _collect(self) -> None:
        answer = httpx.get(self._url, trust_env=False, timeout=60).json()
        for request in answer["data"]:
            del request["chunk_times"]
            self._requests[request["number"]] = request


def port_of(url: str) -> int:
    """Return the port of a URL of this machine."""
    port = urlsplit(url).port
    assert port is not None
    return port


def _asked(request: dict[str, Any]) -> Asked | None:
    messages = (request["body"] or {}).get("messages", [])
    questions = [message["content"] for message in messages if message["role"] == "user"]
    script = parse_script(questions[-1]) if questions else None
    if script is None:
        return None
    return Asked(script.name, request["received_at"], request["finished_at"], request["peer_port"])
