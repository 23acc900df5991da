"""Frames: every event once and in order, in texts that the gateway lets through."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from core.event_log import Batch, Event, EventId
from core.frames import MAX_FRAME_BYTES, frames

THREAD = "thread_" + "0" * 26
RUN = "run_" + "0" * 26
GATEWAY_BYTES = 128 * 1024
LIMITS = st.integers(800, 3000)
# Sizes around a frame's limit, in characters of one to four bytes.
TEXTS = st.builds(
    lambda character, count: character * count,
    st.sampled_from(["a", '"', "\\", "\n", "é", "漢", "😀", "\u2028", "\0"]),
    st.integers(0, 3000),
)
BATCHES = st.builds(
    lambda after, first, texts: Batch(
        after, first, tuple(Event(f"thread.e{n}", {"text": text}) for n, text in enumerate(texts))
    ),
    st.none() | st.builds(EventId, st.integers(0, 2), st.integers(0, 10**10 - 1)),
    st.builds(EventId, st.integers(3, 10**10 - 1), st.integers(0, 10**9)),
    st.lists(TEXTS, min_size=1, max_size=12),
)


def decoded(texts: list[str]) -> list[dict[str, Any]]:
    return [json.loads(text) for text in texts]


@given(BATCHES, LIMITS)
@example(Batch(None, EventId(3, 0), (Event("e", {"text": "a" * 455}),)), 800)
def test_no_frame_is_larger_than_its_limit(batch: Batch, limit: int) -> None:
    for text in frames(THREAD, RUN, batch, limit=limit):
        assert len(text.encode()) <= limit


@given(BATCHES, LIMITS)
def test_the_frames_hold_all_events_once_and_in_order(batch: Batch, limit: int) -> None:
    sent = [
        entry
        for frame in decoded(frames(THREAD, RUN, batch, limit=limit))
        for entry in frame["events"]
    ]
    numbered = list(batch.numbered())
    assert [entry["id"] for entry in sent] == [str(event_id) for event_id, _ in numbered]
    for entry, (_, event) in zip(sent, numbered, strict=True):
        assert entry["event"] == event.name
        assert ("href" in entry) == (entry["data"] is None)
        assert entry["data"] in (event.data, None)


@given(BATCHES, LIMITS)
def test_each_frame_says_which_event_it_follows(batch: Batch, limit: int) -> None:
    previous = None if batch.after is None else str(batch.after)
    for frame in decoded(frames(THREAD, RUN, batch, limit=limit)):
        assert (frame["run_id"], frame["thread_id"]) == (RUN, THREAD)
        assert frame["after"] == previous
        previous = frame["events"][-1]["id"]
    assert previous == str(batch.last)


@given(BATCHES, LIMITS)
def test_an_event_goes_by_reference_only_if_no_frame_could_hold_it(
    batch: Batch, limit: int
) -> None:
    previous = batch.after
    entries = [
        entry
        for frame in decoded(frames(THREAD, RUN, batch, limit=limit))
        for entry in frame["events"]
    ]
    for entry, (event_id, event) in zip(entries, batch.numbered(), strict=True):
        size = len(json.dumps(event.data, ensure_ascii=False, separators=(",", ":")).encode())
        if entry["data"] is None:
            assert size > limit - 400
            # The API's page after the event before, of one event, is this event.
            url = urlsplit(entry["href"])
            assert url.path == f"/v1/threads/{THREAD}/runs/{RUN}/events"
            after = {} if previous is None else {"after": [str(previous)]}
            assert parse_qs(url.query) == {"limit": ["1"], **after}
        else:
            assert size <= limit - 300
        previous = event_id


def test_small_events_share_a_frame() -> None:
    events = tuple(Event("thread.message.delta", {"n": n}) for n in range(50))
    assert len(frames(THREAD, RUN, Batch(None, EventId(1, 0), events))) == 1


def test_the_usual_limit_leaves_the_gateway_room() -> None:
    events = tuple(Event("thread.message.delta", {"text": "x" * 1000}) for _ in range(500))
    texts = frames(THREAD, RUN, Batch(None, EventId(1, 0), events))
    assert MAX_FRAME_BYTES <= GATEWAY_BYTES
    assert all(len(text.encode()) <= MAX_FRAME_BYTES for text in texts)
    # They are filled, too: half a megabyte needs five.
    assert len(texts) == 5


def test_a_frame_is_readable_without_escapes() -> None:
    (text,) = frames(THREAD, RUN, Batch(EventId(2, 7), EventId(3, 0), (Event("e", {"t": "é"}),)))
    assert text == (
        f'{{"run_id":"{RUN}","thread_id":"{THREAD}","after":"2-7",'
        '"events":[{"id":"3-0","event":"e","data":{"t":"é"}}]}'
    )
