"""How late a delta is: from the moment the model sent it to the moment a client has it.

    make bench-lateness

A stack of its own is started, and its scripted model streams numbered tokens, of which it notes
when each was written. They are read in three ways, in turns: over the WebSocket with the client,
as server-sent events with the SDK, and from the model itself with the `openai` package, which is
the floor. All clocks are this machine's. The first delta is shown apart: a run begins with it.
"""

import argparse
import itertools
import json
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from openai import OpenAI
from websockets.sync.client import connect

from core.event_log import EventId
from infra.local.options import StackOptions
from tests.support.service import Service, script
from tests.support.stacks import fresh_stack, info_of
from tests.support.tables import Tables
from threadrunner_client import Client

_PACES: Final = (20, 50, 100)
_WARM_TOKENS: Final = 20
_PATIENCE_SECONDS: Final = 60
_HEAD_START_SECONDS: Final = 3
LATENESS_HEADER: Final = (
    "| tokens a second | way | first delta | median | p95 | p99 |\n|---|---|---|---|---|---|"
)
COUNTS_HEADER: Final = (
    "| tokens a second | messages pushed per 1,000 deltas | log writes per 1,000 deltas |\n"
    "|---|---|---|"
)

# A piece of an answer's text, and when it was there (epoch seconds).
Arrival = tuple[float, str]
Way = Callable[[Service, str], Iterator[Arrival]]


@dataclass(frozen=True)
class Lateness:
    """Of the deltas of some answers, in seconds.

    Attributes:
        first: of each answer's first.
        others: of all others.
    """

    first: list[float]
    others: list[float]


def read_directly(service: Service, content: str) -> Iterator[Arrival]:
    """Read an answer from the model itself, with the package."""
    client = OpenAI(base_url=service.info.model.base_url, api_key="none", max_retries=0)
    for chunk in client.chat.completions.create(
        model=service.info.model.name,
        messages=[{"role": "user", "content": content}],
        stream=True,
    ):
        if chunk.choices and chunk.choices[0].delta.content:
            yield time.time(), chunk.choices[0].delta.content


def read_over_websocket(service: Service, content: str) -> Iterator[Arrival]:
    """Read a run's answer with the client."""
    run = service.start(service.thread(content))
    with (
        Client(service.info.websocket_url, service.info.api_key) as client,
        client.subscribe(
            thread_id=run.thread_id, run_id=run.id, timeout=_PATIENCE_SECONDS
        ) as events,
    ):
        for event in events:
            if event.event == "thread.message.delta":
                yield time.time(), event.data["delta"]["content"][0]["text"]["value"]


def read_over_sse(service: Service, content: str) -> Iterator[Arrival]:
    """Read a run's answer with the SDK, as a stream of the request that creates the run."""
    stream: Any = service.start(service.thread(content), stream=True)
    for event in stream:
        if event.event == "thread.message.delta":
            yield time.time(), event.data.delta.content[0].text.value


WAYS: Final[dict[str, Way]] = {
    "model, directly": read_directly,
    "WebSocket": read_over_websocket,
    "server-sent events": read_over_sse,
}


def measure(service: Service, way: Way, tokens: int, rate: int) -> list[float]:
    """Return how late each token of one answer was, in seconds.

    Raises:
        RuntimeError: not every token came, in its place.
    """
    content = script({"text": {"tokens": tokens}, "rate": rate})
    arrivals = list(way(service, content))
    numbers = [(moment, int(word)) for moment, text in arrivals for word in text.split()]
    if [number for _, number in numbers] != list(range(1, tokens + 1)):
        raise RuntimeError("Not every token came, in its place.")
    [request] = [
        each
        for each in service.model_requests()
        if each["body"]["messages"][-1]["content"] == content
    ]
    # The first event of the model's stream holds the role.
    sent = request["chunk_times"][1 : tokens + 1]
    return [moment - written for (moment, _), written in zip(numbers, sent, strict=True)]


def count(service: Service, tokens: int, rate: int) -> tuple[int, int]:
    """Return how many messages with deltas are pushed for one answer, and how many log writes."""
    # A subscriber that comes too late gets several batches in one message.
    turn = {"text": {"tokens": tokens}, "rate": rate, "first_token_delay": _HEAD_START_SECONDS}
    run = service.start(service.thread(script(turn)))
    headers = {"Authorization": f"Bearer {service.info.api_key}"}
    ids: list[EventId] = []
    pushed: set[str] = set()
    with connect(service.info.websocket_url, additional_headers=headers) as socket:
        request = {"action": "subscribe", "thread_id": run.thread_id, "run_id": run.id}
        socket.send(json.dumps(request))
        for frame in _frames(socket):
            deltas = [each for each in frame["events"] if each["event"] == "thread.message.delta"]
            if deltas:
                pushed.add(frame["events"][0]["id"])
                ids += [EventId.parse(each["id"]) for each in deltas]
    batches = Tables(service.info).batches_of(run.id)
    written = [each for each in batches if each.last >= min(ids) and each.first <= max(ids)]
    return len(pushed), len(written)


def _frames(socket: Any) -> Iterator[dict[str, Any]]:
    """Yield the event frames up to the run's end."""
    while True:
        message = json.loads(socket.recv(timeout=_PATIENCE_SECONDS))
        if "events" in message:
            yield message
            if message["events"][-1]["event"] == "thread.run.completed":
                return


def gather(answers: Sequence[list[float]]) -> Lateness:
    """Put the measurements of several answers together."""
    return Lateness(
        [answer[0] for answer in answers],
        list(itertools.chain.from_iterable(answer[1:] for answer in answers)),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that so many of a hundred do not exceed, by the nearest rank."""
    return sorted(values)[max(0, math.ceil(share / 100 * len(values)) - 1)]


def row(rate: int, way: str, lateness: Lateness, floor: Lateness) -> str:
    """Return a row of the table: milliseconds, and how many times the floor's that is."""
    pairs = [
        (statistics.median(lateness.first), statistics.median(floor.first)),
        *((percentile(lateness.others, p), percentile(floor.others, p)) for p in (50, 95, 99)),
    ]
    cells = [f"{late * 1000:.1f} ms" for late, _ in pairs]
    if lateness is not floor:
        cells = [
            f"{cell}, {late / least:.0f}x" if least > 0 else cell
            for cell, (late, least) in zip(cells, pairs, strict=True)
        ]
    return f"| {rate} | {way} | {' | '.join(cells)} |"


def lateness_rows(
    service: Service, ways: dict[str, Way], rounds: int, seconds: int
) -> Iterator[str]:
    """Measure, and yield the rows of the first table; the first way is the floor."""
    for way in ways.values():
        measure(service, way, _WARM_TOKENS, _WARM_TOKENS)
    for rate in _PACES:
        answers: dict[str, list[list[float]]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                answers[name].append(measure(service, way, rate * seconds, rate))
        lateness = {name: gather(of_way) for name, of_way in answers.items()}
        floor = lateness[next(iter(ways))]
        for name, late in lateness.items():
            yield row(rate, name, late, floor)


def counts_rows(service: Service, seconds: int) -> Iterator[str]:
    """Count, and yield the rows of the second table."""
    for rate in _PACES:
        tokens = rate * seconds
        messages, writes = (number / tokens * 1000 for number in count(service, tokens, rate))
        yield f"| {rate} | {messages:.0f} | {writes:.0f} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.lateness", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6, help="how long an answer takes")
    options = parser.parse_args()
    with fresh_stack("bench", StackOptions()) as stack:
        info = info_of(stack)
        service = Service(info, info.base_url)
        print(LATENESS_HEADER)
        for line in lateness_rows(service, WAYS, options.rounds, options.seconds):
            print(line, flush=True)
        print(f"\n{COUNTS_HEADER}")
        for line in counts_rows(service, options.seconds):
            print(line, flush=True)


if __name__ == "__main__":
    main()
