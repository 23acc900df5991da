"""The order of a run's events: ids, batches, and which of them count.

One writer at a time holds the run's newest epoch; what an overtaken writer (a zombie) adds later
under its older epoch lies beyond its successor's base and is void. Each batch carries the id that
it follows, so the chain of batches can be walked, and a gap can be seen by whoever receives them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

_MAX_DIGITS = 10


class EventId(NamedTuple):
    """An event's place in the log of its run: the writer's epoch, then a number counted from 0."""

    epoch: int
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> "EventId":
        """Return the id that `text` spells.

        Raises:
            ValueError: `text` is not two whole numbers joined by a hyphen.
        """
        epoch, separator, seq = text.partition("-")
        valid = all(
            part.isascii() and part.isdigit() and len(part) <= _MAX_DIGITS for part in (epoch, seq)
        )
        if not (separator and valid):
            raise ValueError(f"{text[:40]!r} is not an event id such as '3-7'.")
        return cls(int(epoch), int(seq))


@dataclass(frozen=True, slots=True)
class Event:
    """An event as clients get it: OpenAI's name, and the object or delta as JSON."""

    name: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that were written together: one item of the log, one frame of a WebSocket.

    Attributes:
        after: the id that the first event follows; None at the start of the log.
        first: the first event's id; the others count on from it.
        events: at least one.
    """

    after: EventId | None
    first: EventId
    events: tuple[Event, ...]

    @property
    def last(self) -> EventId:
        """The last event's id."""
        return EventId(self.first.epoch, self.first.seq + len(self.events) - 1)

    def numbered(self) -> Iterable[tuple[EventId, Event]]:
        """Yield each event with its id."""
        for offset, event in enumerate(self.events):
            yield EventId(self.first.epoch, self.first.seq + offset), event

    def since(self, after: EventId | None) -> "Batch | None":
        """Return the part of this batch that comes after an id; None if nothing does."""
        if after is None or after < self.first:
            return self
        if after >= self.last:
            return None
        seen = after.seq - self.first.seq + 1
        return Batch(after, EventId(self.first.epoch, self.first.seq + seen), self.events[seen:])


@dataclass(slots=True)
class Cursor:
    """Where the holder of an epoch writes next.

    Attributes:
        epoch: the epoch that the writer holds.
        last: the id that its next batch follows; the run's base at first.
        seq: the number of its next event.
    """

    epoch: int
    last: EventId | None
    seq: int = 0

    def batch(self, events: Sequence[Event]) -> Batch:
        """Return the next batch without moving on; `advance` does that once it is written."""
        return Batch(self.last, EventId(self.epoch, self.seq), tuple(events))

    def advance(self, batch: Batch) -> None:
        """Note that a batch was written."""
        self.last = batch.last
        self.seq = batch.last.seq + 1


def drop_void(batches: Sequence[Batch]) -> list[Batch]:
    """Return the batches that lie on the chain.

    A batch is void if a later epoch began before it: the first batch of that epoch follows an
    earlier id. Bases never go back, so the next later epoch that wrote anything decides.

    Args:
        batches: a stretch of one run's log, ascending by id. Whether a batch of its last epoch is
            void shows in the first batch of the next one: if there is one, it belongs to it.

    Returns:
        The batches that count, in the same order.
    """
    begun = {batch.first.epoch: batch.after for batch in reversed(batches)}
    epochs = sorted(begun)
    following = dict(pairwise(epochs))
    kept = []
    for batch in batches:
        successor = following.get(batch.first.epoch)
        if successor is not None:
            base = begun[successor]
            if base is None or batch.last > base:
                continue
        kept.append(batch)
    return kept


def join_batches(batches: Sequence[Batch]) -> list[Batch]:
    """Return a stretch of the log in as few batches as its epochs allow, to send it at once."""
    joined: list[Batch] = []
    for batch in batches:
        previous = joined[-1] if joined else None
        if previous is not None and previous.last == batch.after == _before(batch.first):
            joined[-1] = Batch(previous.after, previous.first, previous.events + batch.events)
        else:
            joined.append(batch)
    return joined


def _before(event_id: EventId) -> EventId:
    return EventId(event_id.epoch, event_id.seq - 1)
