"""Streams among writers, zombies and crashes: random schedules of the event log's protocol."""

import random
from collections.abc import Iterator
from functools import partial

from core.event_log import Batch, Event, EventId
from core.event_tail import EventTail
from tests.unit.core.event_log_world import EventLogWorld, Move

SCHEDULES = 300
# More events than any writer of the world writes under one epoch.
_SEQS = 24


class Stream:
    """Reads the log again and again; others may write between any two items of a read."""

    def __init__(self) -> None:
        self.tail = EventTail()
        self.sent: list[tuple[EventId, Event]] = []
        self.reading: Iterator[None] | None = None


class StreamedWorld(EventLogWorld):
    """The world, and streams that follow its log."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.streams = [Stream() for _ in range(2)]
        self.holes = 0
        # Between which ids others may write while the log is read.
        self._stops = {rng.randrange(_SEQS * 4) for _ in range(4)}

    def check(self) -> None:
        """Fail unless each stream, when it has looked for a last time, has sent the chain."""
        super().check()
        chain = [numbered for batch in self.chain() for numbered in batch.numbered()]
        on_chain = {event_id for event_id, _ in chain}
        for stream in self.streams:
            for _ in stream.reading or ():
                pass
            for _ in self._read(stream):
                pass
            places = [event_id for event_id, _ in stream.sent]
            assert places == sorted(set(places)), "doubled or out of order"
            assert [each for each in stream.sent if each[0] in on_chain] == chain, "lost"

    def _moves(self) -> list[Move]:
        moves = super()._moves()
        if moves:
            moves += [partial(self._go_on, stream) for stream in self.streams]
        return moves

    def _go_on(self, stream: Stream) -> None:
        if stream.reading is None:
            stream.reading = self._read(stream)
        if next(stream.reading, self) is self:
            stream.reading = None

    def _read(self, stream: Stream) -> Iterator[None]:
        """Go up all ids that there may be, and take what is there when its place is passed."""
        found: list[Batch] = []
        ids = [EventId(epoch, seq) for epoch in range(self.store.epoch + 2) for seq in range(_SEQS)]
        for place, last in enumerate(ids):
            if last in self.store.log and (stream.tail.last is None or last > stream.tail.last):
                found.append(self.store.log[last])
            if place in self._stops:
                yield
        stream.sent += stream.tail.take(found)
        self.holes += stream.tail.holes > 0


def test_every_stream_ends_with_the_chain_whatever_happens() -> None:
    void = holes = 0
    for seed in range(SCHEDULES):
        world = StreamedWorld(random.Random(seed))
        try:
            world.run()
            world.check()
        except AssertionError as failure:
            raise AssertionError(f"schedule {seed}: {failure}") from failure
        void += len(world.store.log) - len(world.chain())
        holes += world.holes
        assert all(last.seq < _SEQS for last in world.store.log)
    # The schedules do contain what they are about.
    assert void > SCHEDULES / 10
    assert holes > SCHEDULES / 10
