"""Ids, batches and the chain: what counts of a log that several writers wrote."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.event_log import Batch, Cursor, Event, EventId, drop_void, join_batches

IDS = st.builds(EventId, st.integers(0, 9_999_999_999), st.integers(0, 9_999_999_999))


def event(number: int = 0) -> Event:
    return Event("thread.message.delta", {"n": number})


def batch(after: str | None, first: str, count: int = 1) -> Batch:
    """Return a batch whose events carry the number of their place."""
    start = EventId.parse(first)
    events = tuple(event(start.seq + offset) for offset in range(count))
    return Batch(None if after is None else EventId.parse(after), start, events)


def firsts(batches: list[Batch]) -> list[str]:
    return [str(each.first) for each in batches]


# ---- ids --------------------------------------------------------------------------------------


@given(IDS)
def test_an_id_is_read_as_it_was_written(event_id: EventId) -> None:
    assert EventId.parse(str(event_id)) == event_id


@given(IDS, IDS)
def test_ids_sort_by_epoch_and_then_by_number(one: EventId, other: EventId) -> None:
    assert (one < other) == ((one.epoch, one.seq) < (other.epoch, other.seq))


def test_ids_sort_as_numbers_and_not_as_text() -> None:
    assert EventId.parse("2-10") > EventId.parse("2-9")
    assert EventId.parse("10-0") > EventId.parse("9-99")


@given(
    st.one_of(
        st.text(),
        st.from_regex(r"[-+ 0-9\u0660-\u0669]{0,24}", fullmatch=True),
        st.sampled_from(
            ["3", "3-", "-7", "3-7-1", "3--7", "+3-7", "3 -7", "3-7 ", "\u0663-\u0667"]
        ),
        st.sampled_from(["3-99999999999", "99999999999-0", "3\u20137", "3-7\n", "0x1-2", "1_0-2"]),
    )
)
def test_what_is_not_an_id_is_refused_in_few_words(text: str) -> None:
    epoch, hyphen, seq = text.partition("-")
    digits = set("0123456789")
    is_id = bool(hyphen) and all(
        0 < len(part) <= 10 and set(part) <= digits for part in (epoch, seq)
    )
    if is_id:
        assert EventId.parse(text) == (int(epoch), int(seq))
        return
    with pytest.raises(ValueError, match="is not an event id such as '3-7'") as caught:
        EventId.parse(text)
    assert len(str(caught.value)) < 250


# ---- batches ----------------------------------------------------------------------------------


def test_a_batch_numbers_its_events_from_its_first_id() -> None:
    three = batch("1-4", "2-5", 3)
    assert three.last == EventId(2, 7)
    assert [(str(place), each.data["n"]) for place, each in three.numbered()] == [
        ("2-5", 5),
        ("2-6", 6),
        ("2-7", 7),
    ]


@given(
    epoch=st.integers(1, 4),
    seq=st.integers(0, 5),
    count=st.integers(1, 5),
    after=st.none() | st.builds(EventId, st.integers(0, 5), st.integers(0, 12)),
)
def test_the_part_since_an_id_is_what_is_higher(
    epoch: int, seq: int, count: int, after: EventId | None
) -> None:
    whole = batch("0-9", f"{epoch}-{seq}", count)
    part = whole.since(after)
    expected = [each for each in whole.numbered() if after is None or each[0] > after]
    assert ([] if part is None else list(part.numbered())) == expected
    if part is not None:
        # Whoever asked goes on where it was, or is told that there is something in between.
        cut = len(part.events) < len(whole.events)
        assert part.after == (after if cut else whole.after)


def test_a_cursor_goes_on_only_when_a_batch_is_written() -> None:
    cursor = Cursor(3, EventId(2, 7))
    lost = cursor.batch([event(), event()])
    first = cursor.batch([event()])
    assert (lost.after, lost.first) == (first.after, first.first) == (EventId(2, 7), EventId(3, 0))
    cursor.advance(first)
    second = cursor.batch([event(), event()])
    cursor.advance(second)
    third = cursor.batch([event()])
    assert (second.after, second.first) == (EventId(3, 0), EventId(3, 1))
    assert (third.after, third.first) == (EventId(3, 2), EventId(3, 3))


def test_a_cursor_at_the_start_of_the_log_follows_nothing() -> None:
    assert Cursor(0, None).batch([event()]).after is None


# ---- the chain --------------------------------------------------------------------------------


def test_what_one_writer_wrote_counts() -> None:
    log = [batch(None, "1-0"), batch("1-0", "1-1", 2), batch("1-2", "1-3")]
    assert drop_void(log) == log
    assert drop_void([]) == []


def test_what_a_writer_added_after_it_was_overtaken_is_void() -> None:
    log = [batch(None, "1-0"), batch("1-0", "1-1"), batch("1-1", "1-2"), batch("1-0", "2-0")]
    assert firsts(drop_void(log)) == ["1-0", "2-0"]


def test_a_writer_that_was_overtaken_before_its_first_batch_is_void_as_a_whole() -> None:
    log = [batch(None, "1-0"), batch("1-0", "2-0"), batch("2-0", "2-1"), batch("1-0", "3-0")]
    assert firsts(drop_void(log)) == ["1-0", "3-0"]


def test_the_next_epoch_that_wrote_decides_even_if_it_is_void_itself() -> None:
    log = [
        batch(None, "1-0"),
        batch("1-0", "1-1"),
        batch("1-0", "2-0"),
        batch("1-0", "3-0"),
        batch("3-0", "5-0"),
    ]
    assert firsts(drop_void(log)) == ["1-0", "3-0", "5-0"]


def test_everything_before_a_writer_that_started_from_nothing_is_void() -> None:
    assert firsts(drop_void([batch(None, "1-0"), batch(None, "2-0")])) == ["2-0"]


def test_a_stretch_of_the_log_counts_as_it_does_in_the_whole() -> None:
    log = [batch("1-0", "1-1"), batch("1-1", "1-2"), batch("1-1", "2-0"), batch("2-0", "2-1")]
    assert firsts(drop_void(log)) == ["1-1", "2-0", "2-1"]


# ---- sending a stretch at once ----------------------------------------------------------------


def test_batches_of_one_epoch_are_joined_and_those_of_others_are_not() -> None:
    log = [batch(None, "1-0"), batch("1-0", "1-1", 2), batch("1-2", "2-0"), batch("2-0", "2-1")]
    joined = join_batches(log)
    assert [(str(each.first), str(each.last)) for each in joined] == [
        ("1-0", "1-2"),
        ("2-0", "2-1"),
    ]
    assert [each.after for each in joined] == [None, EventId(1, 2)]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3)), max_size=12))
def test_joining_keeps_every_event_its_id_and_the_chain(shape: list[tuple[bool, int]]) -> None:
    log: list[Batch] = []
    epoch, seq, last = 1, 0, None
    for new_epoch, count in shape:
        epoch, seq = (epoch + 1, 0) if new_epoch else (epoch, seq)
        log.append(batch(last, f"{epoch}-{seq}", count))
        seq += count
        last = f"{epoch}-{seq - 1}"
    joined = join_batches(log)
    assert [n for each in joined for n in each.numbered()] == [
        n for each in log for n in each.numbered()
    ]
    assert all(later.after == earlier.last for earlier, later in pairwise(joined))
    epochs = [each.first.epoch for each in joined]
    assert len(epochs) == len(set(epochs))


def test_batches_between_which_something_is_missing_are_not_joined() -> None:
    log = [batch(None, "1-0"), batch("1-1", "1-2")]
    assert join_batches(log) == log
