"""A run's events for one reader who follows its log: each once, in order, until they pause or end.

The reader asks for what lies beyond the last event that it has, again and again, while the log
grows. A read of several items is no snapshot: it may see a batch and miss the one that this
follows, which was written a moment before. And it may see what an overtaken writer added. So what
counts of a read is what lies on the chain from its newest batch back (`core.event_log`); where that
chain has a hole, nothing of the read counts, and the log is to be read again.

An overtaken writer's batch that is read before its successor wrote anything cannot be told from one
that counts: nobody can know then. It holds deltas of a message that the successor ends as
incomplete.
"""

from collections.abc import Sequence
from typing import Final

from core.event_log import Batch, Event, EventId

# With these, nothing more comes before a client does something, if it can.
LAST_EVENTS: Final = frozenset(
    f"thread.run.{word}"
    for word in ("completed", "incomplete", "failed", "cancelled", "expired", "requires_action")
)


class EventTail:
    """Turns reads of a log's end into the events that come next.

    Args:
        after: the last event that the reader has; None for nothing.

    Attributes:
        last: the last event that came out, or `after`.
        over: whether the run has ended, or waits for its client: nothing comes out any more.
        holes: how many reads in a row missed something.
    """

    def __init__(self, after: EventId | None = None) -> None:
        self.last = after
        self.over = False
        self.holes = 0

    def take(self, stored: Sequence[Batch]) -> list[tuple[EventId, Event]]:
        """Return the events that come next, each with its id.

        Args:
            stored: what a read of the log beyond `last` found, void batches among it, in any order;
                what lies before `last` is passed over.
        """
        if self.over:
            return []
        chain = self._chain({batch.last: batch for batch in stored})
        self.holes = self.holes + 1 if chain is None else 0
        events: list[tuple[EventId, Event]] = []
        for batch in chain or ():
            for event_id, event in batch.numbered():
                if not self._is_new(event_id):
                    continue
                events.append((event_id, event))
                self.last = event_id
                if event.name in LAST_EVENTS:
                    self.over = True
                    return events
        return events

    def _chain(self, batches: dict[EventId, Batch]) -> list[Batch] | None:
        """Return the chain from what the reader has to the newest batch; None if it has a hole."""
        chain: list[Batch] = []
        place = max(batches, default=None)
        while place is not None and self._is_new(place):
            if place not in batches:
                return None
            chain.append(batches[place])
            place = batches[place].after
        return chain[::-1]

    def _is_new(self, event_id: EventId) -> bool:
        return self.last is None or event_id > self.last
