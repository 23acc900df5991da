"""Whoever follows a log gets the chain: each event once, in order, and nothing after the last."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.event_log import Batch, Event, EventId
from core.event_tail import LAST_EVENTS, EventTail

DELTA = "thread.message.delta"
ENDS = sorted(LAST_EVENTS)


def batch(after: str | None, first: str, *names: str) -> Batch:
    events = tuple(Event(name, {}) for name in names or (DELTA,))
    return Batch(None if after is None else EventId.parse(after), EventId.parse(first), events)


def ids(events: list[tuple[EventId, Event]]) -> list[str]:
    return [str(event_id) for event_id, _ in events]


def test_what_is_read_comes_out_once() -> None:
    tail = EventTail()
    log = [batch(None, "0-0", DELTA, DELTA), batch("0-1", "1-0")]
    assert ids(tail.take(log)) == ["0-0", "0-1", "1-0"]
    assert tail.take(log) == []
    assert tail.last == EventId(1, 0)


def test_a_reader_goes_on_within_a_batch() -> None:
    tail = EventTail(EventId(1, 3))
    assert ids(tail.take([batch("1-1", "1-2", DELTA, DELTA, DELTA)])) == ["1-4"]


def test_of_a_read_with_a_hole_nothing_comes_out_until_it_is_whole() -> None:
    tail = EventTail(EventId(1, 0))
    one, two, three = batch("1-0", "1-1"), batch("1-1", "1-2"), batch("1-2", "1-3")
    assert (tail.take([one, three]), tail.holes) == ([], 1)
    assert (tail.take([one, three]), tail.holes) == ([], 2)
    assert (ids(tail.take([one, two, three])), tail.holes) == (["1-1", "1-2", "1-3"], 0)


def test_a_hole_does_not_let_void_batches_out() -> None:
    # The first batch of epoch 2, by which the void one is known, is what the read missed.
    tail = EventTail(EventId(1, 0))
    void, first, second = batch("1-0", "1-1"), batch("1-0", "2-0"), batch("2-0", "2-1")
    assert tail.take([void, second]) == []
    assert ids(tail.take([void, first, second])) == ["2-0", "2-1"]


def test_a_batch_that_turns_out_to_be_void_after_it_was_read_is_followed_by_its_successor() -> None:
    tail = EventTail(EventId(1, 0))
    late = batch("1-0", "1-1")
    assert ids(tail.take([late])) == ["1-1"]
    assert ids(tail.take([batch("1-0", "2-0")])) == ["2-0"]


@pytest.mark.parametrize("name", ENDS)
def test_nothing_comes_out_after_the_last_event(name: str) -> None:
    tail = EventTail()
    log = [batch(None, "0-0", DELTA, name, DELTA), batch("0-2", "1-0")]
    assert ids(tail.take(log)) == ["0-0", "0-1"]
    assert tail.over
    assert tail.take([*log, batch("1-0", "2-0")]) == []


def test_a_run_that_is_cancelling_has_not_ended() -> None:
    tail = EventTail()
    tail.take([batch(None, "0-0", "thread.run.cancelling")])
    assert not tail.over


@dataclass
class Log:
    """A log that several writers make, in the order of its making; void batches among them.

    Attributes:
        made: the batches as they became readable.
        chain: those that count.
    """

    made: list[Batch] = field(default_factory=list)
    chain: list[Batch] = field(default_factory=list)

    @classmethod
    def drawn(cls, rng: random.Random) -> "Log":
        """Return a log whose last event, and no other, ends a stream."""
        log = cls()
        epoch = 0
        zombies: list[tuple[EventId, int]] = []
        for left in range(rng.randint(1, 8), -1, -1):
            end = log.chain[-1].last if log.chain else None
            if end is None or rng.random() < 0.5:
                if end is not None:
                    zombies.append((end, end.seq + 1))
                epoch += rng.randint(1, 2)
                first = EventId(epoch, 0)
            else:
                first = EventId(epoch, end.seq + 1)
            names = [DELTA] * rng.randint(0, 2) + [DELTA if left else rng.choice(ENDS)]
            batch = Batch(end, first, tuple(Event(name, {}) for name in names))
            log.made.append(batch)
            log.chain.append(batch)
            log._overtaken(rng, zombies, epoch)
        return log

    def _overtaken(
        self, rng: random.Random, zombies: list[tuple[EventId, int]], epoch: int
    ) -> None:
        """Have a writer that was overtaken go on writing under its old epoch."""
        for place, (after, seq) in enumerate(zombies):
            if after.epoch < epoch and rng.random() < 0.4:
                void = Batch(after, EventId(after.epoch, seq), (Event(DELTA, {"void": True}),))
                self.made.append(void)
                zombies[place] = (void.last, seq + 1)

    def read(
        self, rng: random.Random, seen: int, written: int, after: EventId | None
    ) -> list[Batch]:
        """Return what one read finds: it goes up the ids while batches are written.

        It sees a batch if that was there when the read passed its place.
        """
        moments = sorted(rng.randint(seen, written) for _ in self.made)
        places = sorted(self.made, key=lambda each: each.last)
        made_at = {id(each): number for number, each in enumerate(self.made)}
        return [
            each
            for each, moment in zip(places, moments, strict=True)
            if made_at[id(each)] < moment and (after is None or each.last > after)
        ]


@settings(max_examples=500)
@given(st.integers(0, 2**32))
def test_the_transcript_is_the_chain_whatever_is_written_while_it_is_read(seed: int) -> None:
    rng = random.Random(seed)
    log = Log.drawn(rng)
    expected = [numbered for each in log.chain for numbered in each.numbered()]
    start = rng.choice([None, *(event_id for event_id, _ in expected[:-1])])
    tail = EventTail(start)
    transcript: list[tuple[EventId, Event]] = []
    seen = 0
    while not tail.over:
        written = min(len(log.made), seen + rng.randint(0, 3))
        # A read that follows another sees all that was written when the other began.
        events = tail.take(log.read(rng, seen, written, tail.last))
        transcript += events
        assert not (events and tail.holes)
        seen = written
    assert transcript == [each for each in expected if start is None or each[0] > start]
    assert tail.take(log.made) == []
