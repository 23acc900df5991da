"""Streams from a real server: what reaches a client when, and what its leaving leaves behind."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from api.event_stream import EventStream
from tests.support.model import stop, text
from tests.support.served import served
from tests.support.streams import names_of, parse_stream, streaming
from tests.support.world import World
from wiring.bootstrap import ApiContext

EVENTS = {"accept": "text/event-stream"}
# So long a test waits for what must come.
_SECONDS = 30.0


def run_path(world: World) -> str:
    """Create a run, and return where its events are."""
    run = world.create_run(world.thread("Hello"))
    return f"/threads/{run.thread_id}/runs/{run.id}/events"


def test_events_are_sent_when_they_are_logged_and_not_when_all_are(
    context: ApiContext, project_key: str, world: World
) -> None:
    has_read = threading.Event()
    world.model.turn(*text("Good", " day."), *stop())

    def answer_when_the_client_has_read() -> None:
        assert has_read.wait(_SECONDS), "the client got nothing before the run went on"
        assert world.deliver_next()

    came = ""
    with (
        served(
            streaming(context, answer_when_the_client_has_read),
            project_key,
            patience_seconds=_SECONDS,
        ) as client,
        client.stream("GET", run_path(world), headers=EVENTS) as response,
    ):
        for piece in response.iter_text():
            came += piece
            if "event: thread.run.queued" in came:
                has_read.set()
    assert names_of(parse_stream(came))[-2:] == ["run.completed", "done"]


@pytest.mark.fault("stream-left")
def test_a_client_that_goes_leaves_nothing_behind(
    context: ApiContext, project_key: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., Any] = EventStream.stream_response
    left: list[Any] = []
    ended = threading.Event()

    async def noting(stream: EventStream, send: Any) -> None:
        try:
            await real(stream, send)
        finally:
            pieces: Any = stream._pieces
            left.append(pieces.ag_frame)
            ended.set()

    monkeypatch.setattr(EventStream, "stream_response", noting)
    with served(streaming(context), project_key, patience_seconds=_SECONDS) as client:
        with client.stream("GET", run_path(world), headers=EVENTS) as response:
            # Kept, since an iterator that is dropped closes the connection.
            pieces = response.iter_text()
            assert "thread.run.created" in next(pieces)
            assert not ended.is_set()
        assert ended.wait(_SECONDS), "the stream goes on without its client"
    # A generator that has ended has no frame.
    assert left == [None]
