"""What waits for one connection: batches, which all connections of a run share, within a bound."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from core.event_log import Batch, join_batches
from core.frames import frames

# A connection this far behind loses what waits for it, but the newest: its client sees the gap, and
# asks the log. All lanes of a run hold the last of its parcels, so together they hold no more.
MAX_LANE_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Parcel:
    """Batches of one run that go to all who watch it.

    Attributes:
        thread_id, run_id: the run.
        batches: in the order of the log.
        texts: the same as frames, in UTF-8.
    """

    thread_id: str
    run_id: str
    batches: tuple[Batch, ...]
    texts: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes of its frames."""
        return sum(map(len, self.texts))


def pack(thread_id: str, run_id: str, batches: Iterable[Batch]) -> Parcel:
    """Return batches of a run as a parcel, in as few frames as they allow."""
    joined = tuple(join_batches(tuple(batches)))
    texts = (text.encode() for batch in joined for text in frames(thread_id, run_id, batch))
    return Parcel(thread_id, run_id, joined, tuple(texts))


@dataclass(slots=True)
class Lane:
    """What waits for one connection. There is a lane as long as somebody sees to it.

    Attributes:
        parcels: in the order in which they came.
    """

    parcels: deque[Parcel] = field(default_factory=deque)

    def add(self, parcel: Parcel) -> None:
        """Put a parcel behind the others."""
        self.parcels.append(parcel)
        self._shed()

    def take(self) -> list[Parcel]:
        """Take all that waits."""
        taken = list(self.parcels)
        self.parcels.clear()
        return taken

    def put_back(self, parcels: Sequence[Parcel]) -> None:
        """Put what was taken, and could not be delivered, before the others."""
        self.parcels.extendleft(reversed(parcels))
        self._shed()

    def _shed(self) -> None:
        if sum(parcel.size for parcel in self.parcels) > MAX_LANE_BYTES:
            newest = self.parcels[-1]
            self.parcels.clear()
            self.parcels.append(newest)


def spelled(parcels: Sequence[Parcel]) -> list[bytes]:
    """Return parcels as frames; those of one run that follow each other share them."""
    texts: list[bytes] = []
    for (thread_id, run_id), group in groupby(parcels, lambda each: (each.thread_id, each.run_id)):
        first, *others = group
        if others:
            batches = [batch for parcel in (first, *others) for batch in parcel.batches]
            first = pack(thread_id, run_id, batches)
        texts += first.texts
    return texts
