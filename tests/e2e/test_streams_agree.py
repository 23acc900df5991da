"""What is told over server-sent events and over the WebSocket is the same, whenever one joins."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from openai.types.beta.threads import Run

from infra.local.info import StackInfo
from tests.support.service import Service, script, text_of, tokens
from tests.support.streams import DONE, parse_stream
from threadrunner_client import Client

TOKENS = 100
TOKENS_PER_SECOND = 25
# Of each kind.
JOINERS = 4
PATIENCE_SECONDS = 60

# An event's id, its name and its data.
Told = tuple[str, str, dict[str, Any]]


@pytest.fixture
def service(stack: StackInfo) -> Service:
    """The service."""
    return Service(stack, stack.base_url)


def read_sse(service: Service, run: Run, after: str | None = None) -> list[Told]:
    """Return what a stream of the HTTP API tells of a run."""
    response = httpx.get(
        f"{service.base_url}/threads/{run.thread_id}/runs/{run.id}/events",
        params={} if after is None else {"after": after},
        headers={
            "Authorization": f"Bearer {service.info.api_key}",
            "Accept": "text/event-stream",
        },
        trust_env=False,
        timeout=PATIENCE_SECONDS,
    )
    assert response.headers["content-type"].startswith("text/event-stream")
    *events, done = parse_stream(response.text)
    assert done.data == DONE
    return [(event.id, event.event, event.data) for event in events]


def read_websocket(service: Service, run: Run, after: str | None = None) -> list[Told]:
    """Return what a subscription tells of a run."""
    events = service.watch(run, after=after)
    return [(event.id, event.event, event.data) for event in events]


def test_a_stream_and_a_subscription_joined_at_any_moment_tell_the_same(service: Service) -> None:
    content = script({"text": {"tokens": TOKENS}, "rate": TOKENS_PER_SECOND})
    run = service.start(service.thread(content))
    rng = random.Random(run.id)
    # Each joins when so many events were seen by the first watcher; some know what was before.
    moments = [rng.randint(0, TOKENS) for _ in range(2 * JOINERS)]
    ways: list[Callable[..., list[Told]]] = [read_sse, read_websocket] * JOINERS
    seen: list[str] = []
    came = {moment: threading.Event() for moment in moments}
    resumes = [rng.random() < 0.5 for _ in moments]

    def join(way: Callable[..., list[Told]], moment: int, resume: bool) -> tuple[int, list[Told]]:
        assert came[moment].wait(PATIENCE_SECONDS)
        known = min(moment, len(seen)) if resume else 0
        return known, way(service, run, seen[known - 1] if known else None)

    with (
        ThreadPoolExecutor(2 * JOINERS) as pool,
        Client(service.info.websocket_url, service.info.api_key) as client,
    ):
        joined = [pool.submit(join, *each) for each in zip(ways, moments, resumes, strict=True)]
        events = []
        with client.subscribe(
            thread_id=run.thread_id, run_id=run.id, timeout=PATIENCE_SECONDS
        ) as watched:
            for number in range(TOKENS + 100):
                if number in came:
                    came[number].set()
                event = next(iter(watched), None)
                if event is None:
                    break
                events.append(event)
                seen.append(event.id)
        for each in came.values():
            # A run has fewer events than tokens where several share a flush.
            each.set()
        results = [each.result(2 * PATIENCE_SECONDS) for each in joined]
    assert text_of(events) == tokens(TOKENS)
    told = [(event.id, event.event, event.data) for event in events]
    for known, transcript in results:
        assert transcript == told[known:]
    assert [event_id for event_id, *_ in told] == service.logged(run)
