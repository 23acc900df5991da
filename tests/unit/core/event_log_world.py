"""A world of writers, zombies and subscribers around the real event log, for random schedules.

The store follows the rules of the DynamoDB adapter: claiming and applying take the next epoch in
one conditional write; the holder's batches between its transactions are written without any
condition, so a zombie's arrive as well. What is written, read, framed and put in order is the real
code: cursors, batches, the dropping of void ones, frames, and the client's ordering.
"""

import json
import random
from collections.abc import Callable, Generator, Iterator
from enum import StrEnum
from functools import partial
from typing import NamedTuple

from core.audience import Audience, Deliveries
from core.event_log import Batch, Cursor, Event, EventId, drop_void, join_batches
from core.frames import frames
from threadrunner_client.ordering import Event as ClientEvent
from threadrunner_client.ordering import EventOrder, Frame

RUN = "run_1"
THREAD = "thread_1"
# So small that a batch of several events needs several frames.
FRAME_BYTES = 460
_MOST_MOVES = 3000
Move = Callable[[], None]


class Flaw(StrEnum):
    """A way to get the protocol wrong; each must be found."""

    READS_BEFORE_IT_REGISTERS = "a subscriber reads the log before it registers"
    ASKS_BEFORE_IT_LOGS = "a writer asks who subscribes before it logs"
    NEWEST_AS_END = "a writer takes the newest id of the log as the end of the chain"
    EPOCH_IS_SHARED = "an epoch is taken without looking whether somebody else took it"
    ONLY_THE_EPOCH_COUNTS = "an epoch is taken although its holder wrote since the run was read"
    EVENT_COMES_LATER = "an epoch is taken in one step and its event written in another"
    NO_GAPS = "frames do not say what they follow"
    NEVER_LOOKS_AGAIN = (
        "a writer that knows who subscribes does not look again after its last batch"
    )
    NO_ARREARS = "who is found by a later look is not sent what was logged before it"


class Store:
    """What DynamoDB holds: the run's place in its log, and the batches.

    Attributes:
        version: stands for all that a write of the run changes and a later one looks at.
        owner: the epoch whose writer holds the lease, or held it until it expired.
        tail: the end of the chain as the last one who let go of the run noted it.
        promised: ids that were written in a transaction: these must count for ever.
    """

    def __init__(self, flaw: Flaw | None) -> None:
        self._flaw = flaw
        self.version = 0
        self.epoch = 0
        self.base: EventId | None = None
        self.tail: EventId | None = None
        self.owner: int | None = None
        self.expired = False
        self.log: dict[EventId, Batch] = {}
        self.promised: list[EventId] = []
        self._made = 0

    @property
    def leased(self) -> bool:
        """Whether somebody's lease is live."""
        return self.owner is not None and not self.expired

    def events(self, count: int) -> list[Event]:
        """Return new events; each carries a number of its own."""
        self._made += count
        return [Event("e", {"n": n}) for n in range(self._made - count, self._made)]

    def stored(self, first: EventId | None = None) -> list[Batch]:
        """Return the log from the batch that ends with an id on, ascending."""
        return [self.log[last] for last in sorted(self.log) if first is None or last >= first]

    def end_of_chain(self) -> EventId | None:
        """Return what the next epoch follows."""
        if self._flaw is Flaw.NEWEST_AS_END:
            return max(self.log, default=None)
        if self.owner is None:
            return self.tail
        own = [last for last in self.log if last.epoch == self.epoch]
        return max(own, default=self.base)

    def take(
        self, read: "Seen", events: list[Event], *, lease: bool
    ) -> tuple[Cursor, Batch | None] | None:
        """Take the next epoch and log its first batch; None if the run is not as it was read."""
        if self._flaw is not Flaw.EPOCH_IS_SHARED:
            moved = self.epoch != read.epoch or self.version != read.version
            if self._flaw is Flaw.ONLY_THE_EPOCH_COUNTS:
                moved = self.epoch != read.epoch
            if moved or self.leased:
                return None
        self.version += 1
        self.epoch, self.base, self.tail = read.epoch + 1, read.end, read.end
        self.owner, self.expired = (self.epoch if lease else None), False
        cursor = Cursor(self.epoch, read.end)
        batch = self._promise(cursor, events) if events else None
        self.tail = cursor.last
        return cursor, batch

    def commit(self, cursor: Cursor, events: list[Event], *, release: bool) -> Batch | None:
        """Write a batch as the holder of the lease; None if the lease is another's."""
        if self.owner != cursor.epoch:
            return None
        self.version += 1
        batch = self._promise(cursor, events)
        if release:
            self.owner, self.tail = None, batch.last
        return batch

    def append(self, cursor: Cursor, events: list[Event]) -> Batch:
        """Write a batch without any condition."""
        batch = cursor.batch(events)
        self.log[batch.last] = batch
        cursor.advance(batch)
        return batch

    def _promise(self, cursor: Cursor, events: list[Event]) -> Batch:
        batch = self.append(cursor, events)
        self.promised.append(batch.last)
        return batch


def trimmed(batches: list[Batch], after: EventId | None) -> list[Batch]:
    """Return what of some batches comes after an id."""
    return [part for batch in batches if (part := batch.since(after)) is not None]


class Seen(NamedTuple):
    """A run as its next writer read it, and the end of the chain as it found it then."""

    epoch: int
    version: int
    end: EventId | None


class Subscriber:
    """A client: its connection, and the library's ordering of what comes."""

    def __init__(self) -> None:
        self.order = EventOrder(RUN)
        self.seen: list[ClientEvent] = []
        self.registered = False
        self.misses_something = False
        self.joining: Iterator[None] | None = None
        self.net: list[Frame] = []

    def receive(self, frame: Frame) -> None:
        """Take a frame, and note whether something is missing."""
        self.seen += self.order.push(frame)
        self.misses_something = self.order.gap is not None


class EventLogWorld:
    """One schedule: whatever may happen next is drawn from `rng`."""

    def __init__(self, rng: random.Random, flaw: Flaw | None = None) -> None:
        self._rng = rng
        self._flaw = flaw
        self.store = Store(flaw)
        self.subscribers = [Subscriber() for _ in range(rng.randint(1, 3))]
        self._waiting: list[Iterator[None]] = [
            *(self._runner(rng.randint(0, 4)) for _ in range(rng.randint(1, 4))),
            *(self._single() for _ in range(rng.randint(0, 4))),
        ]
        rng.shuffle(self._waiting)
        self._writers: list[Iterator[None]] = []
        self._unrest = rng.choice([0.0, 0.1, 0.5])
        # Who dies between logging and pushing leaves clients to their regular refreshing; where
        # nobody dies nobody refreshes, or a wrong protocol would be saved by it.
        self._mortal = rng.random() < 0.3
        self._refreshes = int(self._mortal)

    def chain(self) -> list[Batch]:
        """Walk back from the newest batch: an independent reading of what counts."""
        log = self.store.log
        walked: list[Batch] = []
        last = max(log, default=None)
        while last is not None:
            walked.append(log[last])
            last = walked[-1].after
        return walked[::-1]

    def run(self) -> None:
        """Let things happen until nothing can happen any more."""
        for _ in range(_MOST_MOVES):
            moves = self._moves()
            if moves:
                self._rng.choice(moves)()
            elif self.store.leased:
                self.store.expired = True
            elif self._refreshes:
                self._refreshes -= 1
                for subscriber in self.subscribers:
                    subscriber.misses_something = True
            else:
                return
        raise AssertionError("the world did not come to rest")

    def check(self) -> None:
        """Fail unless every subscriber has seen the chain: all of it, once and in order."""
        chain = [numbered for batch in self.chain() for numbered in batch.numbered()]
        on_chain = {str(event_id) for event_id, _ in chain}
        written = {
            str(event_id): event.data
            for batch in self.store.log.values()
            for event_id, event in batch.numbered()
        }
        for after in (None, *self.store.log):
            read = drop_void(self.store.stored(after))
            assert trimmed(read, after) == trimmed(self.chain(), after), "another chain is read"
        assert all(str(last) in on_chain for last in self.store.promised), "a promise became void"
        for subscriber in self.subscribers:
            places = [EventId.parse(event.id) for event in subscriber.seen]
            assert places == sorted(set(places)), "doubled or out of order"
            counted = [event for event in subscriber.seen if event.id in on_chain]
            assert [(event.id, event.data) for event in counted] == [
                (str(event_id), event.data) for event_id, event in chain
            ], "lost"
            assert all(event.data == written.get(event.id) for event in subscriber.seen), "forged"

    # ---- writers: each `yield` is a point where others go on, and where the process may die ----

    def _runner(self, batches: int) -> Iterator[None]:
        store, rng = self.store, self._rng
        audience = Audience[Subscriber]()
        registered = self._registered()
        cursor, first = yield from self._take(store.events(rng.randint(0, 2)), lease=True)
        if first is not None:
            yield from self._push(audience, first, registered)
        for left in range(batches, -1, -1):
            yield
            registered = self._registered()
            yield
            events = store.events(rng.randint(1, 3))
            if left and rng.random() < 0.7:
                batch: Batch | None = store.append(cursor, events)
            else:
                batch = store.commit(cursor, events, release=not left)
            yield
            if batch is None:
                break
            yield from self._push(audience, batch, registered)
        if audience.owes_look and self._flaw is not Flaw.NEVER_LOOKS_AGAIN:
            yield from self._send(self._after_look(audience, self._registered(), []))

    def _single(self) -> Iterator[None]:
        store = self.store
        events = store.events(1)
        registered = self._registered()
        later = self._flaw is Flaw.EVENT_COMES_LATER
        cursor, batch = yield from self._take([] if later else events, lease=False)
        if batch is None:
            batch = store.append(cursor, events)
            store.promised.append(batch.last)
            yield
        yield from self._push(Audience(), batch, registered, always_looks=True)

    def _take(
        self, events: list[Event], *, lease: bool
    ) -> Generator[None, None, tuple[Cursor, Batch | None]]:
        store = self.store
        while True:
            epoch, version, free = store.epoch, store.version, not store.leased
            yield
            read = Seen(epoch, version, store.end_of_chain())
            yield
            taken = store.take(read, events, lease=lease) if free else None
            yield
            if taken is not None:
                return taken

    def _push(
        self,
        audience: Audience[Subscriber],
        batch: Batch,
        before: list[Subscriber],
        *,
        always_looks: bool = False,
    ) -> Iterator[None]:
        """Push a logged batch; `before` is who was registered before it was logged."""
        if not always_looks and self._rng.random() < 0.5:
            yield from self._send(audience.unlooked([batch]))
            return
        early = self._flaw is Flaw.ASKS_BEFORE_IT_LOGS
        found = before if early else self._registered()
        yield from self._send(self._after_look(audience, found, [batch]))

    def _after_look(
        self, audience: Audience[Subscriber], found: list[Subscriber], batches: list[Batch]
    ) -> Deliveries[Subscriber]:
        deliveries = audience.looked(found, batches)
        if self._flaw is Flaw.NO_ARREARS:
            return [(found, batches)]
        return deliveries

    def _send(self, deliveries: Deliveries[Subscriber]) -> Iterator[None]:
        for to, batches in deliveries:
            cut = [frame for batch in batches for frame in self._frames(batch)] if to else []
            for subscriber in to:
                yield
                if subscriber.registered:
                    subscriber.net += cut

    def _registered(self) -> list[Subscriber]:
        return [each for each in self.subscribers if each.registered]

    def _frames(self, batch: Batch) -> list[Frame]:
        """Return a batch as the frames that a client decodes."""
        cut = [json.loads(text) for text in frames(THREAD, RUN, batch, limit=FRAME_BYTES)]
        if self._flaw is Flaw.NO_GAPS:
            cut = [message | {"after": None} for message in cut]
        return [Frame.parse(message) for message in cut]

    # ---- subscribers ----------------------------------------------------------------------------

    def _join(self, subscriber: Subscriber) -> Iterator[None]:
        """Register, then read the log page by page; the answer arrives as frames."""
        late = self._flaw is Flaw.READS_BEFORE_IT_REGISTERS
        after = subscriber.order.last
        since = None if after is None else EventId(*after)
        if not late:
            subscriber.registered = True
            yield
        read: list[Batch] = []
        size = self._rng.choice([2, 100])
        while page := self._page(read[-1].last if read else since, bool(read), size):
            read += page
            yield
        for batch in join_batches(trimmed(drop_void(read), since)):
            subscriber.net += self._frames(batch)
        if late:
            yield
            subscriber.registered = True

    def _page(self, low: EventId | None, beyond: bool, size: int) -> list[Batch]:
        """Return the next batches of the log: from an id on, or beyond it."""
        found = [
            batch
            for batch in self.store.stored()
            if low is None or batch.last > low or (batch.last == low and not beyond)
        ]
        return found[:size]

    # ---- what may happen next -------------------------------------------------------------------

    def _moves(self) -> list[Move]:
        moves: list[Move] = [
            partial(self._write, writer) for writer in self._writers for _ in range(3)
        ]
        if self._waiting:
            moves.append(partial(self._begin))
        for subscriber in self.subscribers:
            if subscriber.net:
                moves += [partial(self._deliver, subscriber)] * 2
            if subscriber.joining is not None:
                moves.append(partial(self._go_on_joining, subscriber))
            elif subscriber.misses_something or not subscriber.registered:
                moves.append(partial(self._start_joining, subscriber))
        if (self._writers or self._waiting) and self._rng.random() < self._unrest:
            moves += [partial(self._let_the_lease_expire), partial(self._cut_a_connection)]
        return moves

    def _begin(self) -> None:
        self._writers.append(self._waiting.pop())

    def _write(self, writer: Iterator[None]) -> None:
        dies = self._mortal and self._rng.random() < 0.03
        if dies or next(writer, self) is self:
            self._writers.remove(writer)

    def _let_the_lease_expire(self) -> None:
        self.store.expired = True

    def _cut_a_connection(self) -> None:
        subscriber = self._rng.choice(self.subscribers)
        subscriber.registered, subscriber.joining = False, None
        subscriber.net.clear()

    def _start_joining(self, subscriber: Subscriber) -> None:
        subscriber.joining = self._join(subscriber)
        subscriber.misses_something = False

    def _go_on_joining(self, subscriber: Subscriber) -> None:
        if subscriber.joining is not None and next(subscriber.joining, self) is self:
            subscriber.joining = None

    def _deliver(self, subscriber: Subscriber) -> None:
        frame = subscriber.net.pop(self._rng.randrange(len(subscriber.net)))
        if self._rng.random() < 0.1:
            subscriber.net.append(frame)
        subscriber.receive(frame)
