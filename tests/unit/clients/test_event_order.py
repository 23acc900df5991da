"""The client's ordering of events: exactly once and in order, whatever the network does."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.event_log import Batch
from core.event_log import Event as LogEvent
from core.event_log import EventId as LogEventId
from core.frames import frames as server_frames
from threadrunner_client import Event, EventId, EventOrder, Frame, FrameError, Gap
from threadrunner_client.messages import parse_message

RUN = "run_1"
THREAD = "thread_1"


def frame(after: str | None, *ids: str, run_id: str = RUN) -> dict[str, Any]:
    """Return a frame as it is decoded from JSON; each event's data repeats its id."""
    events = [{"id": each, "event": "thread.message.delta", "data": {"n": each}} for each in ids]
    return {"run_id": run_id, "thread_id": THREAD, "after": after, "events": events}


def ids(events: list[Event]) -> list[str]:
    return [event.id for event in events]


# --- Examples ----------------------------------------------------------------------------------


def test_an_id_is_parsed_and_written_back() -> None:
    assert EventId.parse("3-7") == EventId(3, 7) == (3, 7)
    assert str(EventId(3, 7)) == "3-7"


def test_ids_sort_as_numbers_and_not_as_text() -> None:
    assert EventId.parse("2-10") > EventId.parse("2-9")
    assert EventId.parse("10-0") > EventId.parse("9-99")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "3-",
        "-7",
        "3-7-1",
        "a-7",
        "3--7",
        "+3-7",
        "3 -7",
        "\u0663-\u0667",
        "3-99999999999",
        7,
    ],
)
def test_what_is_not_an_id_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not an event id such as '3-7'"):
        EventId.parse(text)


def test_frames_in_order_come_out_as_they_are() -> None:
    order = EventOrder(RUN)
    first = order.push(frame(None, "1-0", "1-1"))
    assert ids(first) == ["1-0", "1-1"]
    assert first[0] == Event("1-0", "thread.message.delta", {"n": "1-0"}, RUN, THREAD)
    assert ids(order.push(frame("1-1", "2-0"))) == ["2-0"]
    assert order.last == EventId(2, 0)
    assert order.gap is None


def test_a_repeated_frame_gives_nothing() -> None:
    order = EventOrder(RUN)
    order.push(frame(None, "1-0", "1-1"))
    assert order.push(frame(None, "1-0", "1-1")) == []
    assert order.push(frame("1-0", "1-1")) == []
    assert order.gap is None


def test_of_a_frame_that_is_partly_known_the_rest_comes_out() -> None:
    order = EventOrder(RUN, after="1-1")
    assert ids(order.push(frame(None, "1-0", "1-1", "1-2", "1-3"))) == ["1-2", "1-3"]


def test_a_frame_beyond_a_gap_is_kept_until_the_gap_is_filled() -> None:
    order = EventOrder(RUN)
    assert order.push(frame("1-1", "1-2")) == []
    assert order.gap == Gap(after=None)
    assert ids(order.push(frame(None, "1-0"))) == ["1-0"]
    assert order.gap == Gap(after=EventId(1, 0))
    assert ids(order.push(frame("1-0", "1-1"))) == ["1-1", "1-2"]
    assert order.gap is None


def test_an_event_that_is_known_to_exist_leaves_a_gap_until_it_comes() -> None:
    order = EventOrder(RUN, after="1-0")
    order.expect(EventId(1, 0))
    known = order.gap
    assert known is None
    order.expect(EventId(1, 2))
    order.expect(EventId(1, 1))
    order.push(frame("1-0", "1-1"))
    assert order.gap == Gap(after=EventId(1, 1))
    order.push(frame("1-1", "1-2"))
    assert order.gap is None


def test_a_zombies_frame_is_dropped_once_its_successor_was_seen() -> None:
    order = EventOrder(RUN, after="3-2")
    assert ids(order.push(frame("3-2", "4-0"))) == ["4-0"]
    assert order.push(frame("3-2", "3-3")) == []
    assert order.push(frame("3-3", "3-4")) == []
    assert order.gap is None


def test_a_zombies_frame_that_comes_first_does_not_hold_up_its_successor() -> None:
    order = EventOrder(RUN, after="3-2")
    assert ids(order.push(frame("3-2", "3-3"))) == ["3-3"]
    assert ids(order.push(frame("3-2", "4-0"))) == ["4-0"]


def test_a_zombies_frame_beyond_a_gap_does_not_hold_up_its_successor() -> None:
    order = EventOrder(RUN, after="3-1")
    order.push(frame("3-3", "3-4"))
    order.push(frame("3-2", "4-0"))
    assert ids(order.push(frame("3-1", "3-2"))) == ["3-2", "4-0"]
    assert order.gap is None


def test_of_two_held_frames_with_one_predecessor_the_zombies_is_left_out() -> None:
    order = EventOrder(RUN, after="3-1")
    order.push(frame("3-2", "3-3"))
    order.push(frame("3-2", "4-0"))
    assert ids(order.push(frame("3-1", "3-2"))) == ["3-2", "4-0"]


def test_going_on_after_an_id_gives_only_what_follows() -> None:
    order = EventOrder(RUN, after="1-1")
    assert order.last == EventId(1, 1)
    assert ids(order.push(frame("1-0", "1-1", "1-2"))) == ["1-2"]


def test_an_event_by_reference_keeps_its_place_and_its_address() -> None:
    message = frame(None, "1-0")
    message["events"][0] |= {"data": None, "href": "/v1/threads/t/runs/r/events?limit=1"}
    [event] = EventOrder(RUN).push(message)
    assert event.href == "/v1/threads/t/runs/r/events?limit=1"
    assert event.data == {}


def test_the_content_of_an_event_is_not_in_its_repr() -> None:
    [event] = EventOrder(RUN).push(frame(None, "1-0"))
    assert "'n'" not in repr(event)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"run_id": None}, "'run_id' is not a text"),
        ({"run_id": ""}, "'run_id' is not a text"),
        ({"thread_id": 3}, "'thread_id' is not a text"),
        ({"after": "x"}, "'after' is wrong: 'x' is not an event id"),
        ({"after": 5}, "'after' is wrong: A value of type int is not an event id"),
        ({"events": []}, "'events' is not a list with at least one event"),
        ({"events": {}}, "'events' is not a list with at least one event"),
        ({"events": ["x"]}, r"events\[0\] is not an object"),
        ({"after": "1-0"}, r"events\[0\] has the id '1-0', which does not come after '1-0'"),
    ],
)
def test_a_malformed_frame_is_refused_with_its_place(
    change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(FrameError, match=complaint):
        Frame.parse(frame(None, "1-0", "1-1") | change)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"id": None}, r"events\[1\]\.id is wrong: A value of type NoneType is not"),
        ({"id": "1-0"}, r"events\[1\] has the id '1-0', which does not come after '1-0'"),
        ({"event": ""}, r"events\[1\]\.event is not a text"),
        ({"data": "secret words"}, r"events\[1\]\.data is neither an object nor null"),
        ({"data": None}, r"events\[1\]\.href is not a text"),
        ({"data": None, "href": 1}, r"events\[1\]\.href is not a text"),
    ],
)
def test_a_malformed_event_is_refused_with_its_place(
    change: dict[str, Any], complaint: str
) -> None:
    message = frame(None, "1-0", "1-1")
    message["events"][1] |= change
    with pytest.raises(FrameError, match=complaint) as caught:
        Frame.parse(message)
    assert "secret" not in str(caught.value)


def test_a_refused_frame_leaves_the_order_as_it_was() -> None:
    order = EventOrder(RUN, after="1-0")
    with pytest.raises(FrameError, match="A frame of 'run_2' came for 'run_1'"):
        order.push(frame("1-0", "1-1", run_id="run_2"))
    assert order.last == EventId(1, 0)
    assert order.gap is None


def test_the_servers_own_frames_are_understood() -> None:
    events = (LogEvent("thread.run.created", {"id": "é"}), LogEvent("big", {"text": "x" * 2000}))
    batch = Batch(LogEventId(1, 4), LogEventId(2, 0), events)
    order = EventOrder(RUN, after="1-4")
    came = []
    for text in server_frames(THREAD, RUN, batch, limit=1000):
        message = parse_message(text)
        assert isinstance(message, Frame)
        came += order.push(message)
    small, big = came
    assert (small.id, small.event, small.data) == ("2-0", "thread.run.created", {"id": "é"})
    assert (big.id, big.data) == ("2-1", {})
    assert big.href == f"/v1/threads/{THREAD}/runs/{RUN}/events?after=2-0&limit=1"


# --- The protocol as a whole -------------------------------------------------------------------
#
# Writers, zombies, a network that reorders, doubles and loses, and subscribers that come and go, in
# any interleaving. A writer takes an epoch in one conditional update; what it still writes after it
# was overtaken is void. A subscriber registers first and reads the log later; whatever it missed it
# asks for again. In the end each must have seen every event of the chain once and in order.


@dataclass(frozen=True)
class Written:
    after: EventId | None
    first: EventId
    count: int

    @property
    def ids(self) -> list[EventId]:
        return [EventId(self.first.epoch, self.first.seq + n) for n in range(self.count)]


@dataclass
class Log:
    batches: dict[EventId, Written] = field(default_factory=dict)
    epoch: int = 0
    base: EventId | None = None
    lease: int | None = None

    def tail(self) -> EventId | None:
        own = [each for each in self.batches.values() if each.first.epoch == self.epoch]
        return max(each.ids[-1] for each in own) if own else self.base

    def chain(self) -> list[Written]:
        """Walk back from the newest batch: what is not on the way was written by a zombie."""
        by_end = {each.ids[-1]: each for each in self.batches.values()}
        walked: list[Written] = []
        end = max(by_end, default=None)
        while end is not None:
            walked.append(by_end[end])
            end = walked[-1].after
        return walked[::-1]


@dataclass(eq=False)
class Reader:
    order: EventOrder = field(default_factory=lambda: EventOrder(RUN))
    seen: list[Event] = field(default_factory=list)
    registered: bool = False
    # Reads of the log that the server still has to carry out: the id to read after.
    reads: list[EventId | None] = field(default_factory=list)
    net: list[dict[str, Any]] = field(default_factory=list)
    highest: EventId | None = None

    def subscribe(self) -> None:
        self.registered = True
        self.reads.append(self.order.last)

    def lose_connection(self) -> None:
        self.registered = False
        self.reads.clear()
        self.net.clear()

    def refresh(self) -> None:
        """Subscribe again where a client does: at a gap, or after a silence without any.

        Without this, a client that is wrong about gaps would be saved by the silence.
        """
        last = self.order.last
        quiet = self.highest is None or (last is not None and self.highest <= last)
        if quiet or self.order.gap is not None:
            self.subscribe()

    def receive(self, message: dict[str, Any]) -> None:
        highest = EventId.parse(message["events"][-1]["id"])
        self.highest = highest if self.highest is None else max(self.highest, highest)
        self.seen += self.order.push(message)
        gap = self.order.gap
        if gap is not None and not self.reads and self.registered:
            assert gap.after == self.order.last
            self.subscribe()


def as_frame(after: EventId | None, members: list[EventId]) -> dict[str, Any]:
    return frame(None if after is None else str(after), *map(str, members))


class World:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.log = Log()
        self.lossy = rng.random() < 0.5
        self.readers = [Reader() for _ in range(rng.randint(1, 3))]
        self.waiting: list[Iterator[None]] = [
            *(self._runner(rng.randint(0, 5)) for _ in range(rng.randint(1, 3))),
            *(self._single() for _ in range(rng.randint(0, 4))),
        ]
        rng.shuffle(self.waiting)
        self.writers: list[Iterator[None]] = []

    def _push(self, batch: Written) -> Iterator[None]:
        registered = [each for each in self.readers if each.registered]
        yield
        for reader in registered:
            if reader.registered:
                reader.net += self._cut(batch)
            yield

    def _cut(self, batch: Written) -> list[dict[str, Any]]:
        """Return a batch as one frame, or as two where it is too large for one."""
        place = self.rng.randint(1, batch.count)
        pieces = [batch.ids[:place], batch.ids[place:]]
        afters = [batch.after, batch.ids[place - 1]]
        return [as_frame(a, p) for a, p in zip(afters, pieces, strict=True) if p]

    def _runner(self, batches: int) -> Iterator[None]:
        log = self.log
        while True:
            epoch, after = log.epoch, log.tail()
            yield
            if log.lease is None and log.epoch == epoch:
                log.epoch, log.base, log.lease = epoch + 1, after, epoch + 1
                break
            yield
        seq = 0
        for _ in range(batches):
            batch = Written(after, EventId(epoch + 1, seq), self.rng.randint(1, 3))
            yield
            log.batches[batch.first] = batch
            yield
            yield from self._push(batch)
            after, seq = batch.ids[-1], seq + batch.count
        if log.lease == epoch + 1:
            log.lease = None

    def _single(self) -> Iterator[None]:
        log = self.log
        while True:
            epoch, after, free = log.epoch, log.tail(), log.lease is None
            yield
            if free and log.lease is None and log.epoch == epoch:
                break
            yield
        batch = Written(after, EventId(epoch + 1, 0), 1)
        log.epoch, log.base = epoch + 1, after
        log.batches[batch.first] = batch
        yield
        yield from self._push(batch)

    # What may happen next.

    def _begin_writing(self) -> None:
        self.writers.append(self.waiting.pop())

    def _write(self) -> None:
        writer = self.rng.choice(self.writers)
        if next(writer, self) is self:
            self.writers.remove(writer)

    def _let_the_lease_expire(self) -> None:
        self.log.lease = None

    def _carry_out_read(self) -> None:
        reader = self.rng.choice([each for each in self.readers if each.reads])
        last = reader.reads.pop(self.rng.randrange(len(reader.reads)))
        for batch in self.log.chain():
            if last is None or batch.ids[-1] > last:
                reader.net += self._cut(batch)

    def _deliver(self) -> None:
        reader = self.rng.choice([each for each in self.readers if each.net])
        message = reader.net.pop(self.rng.randrange(len(reader.net)))
        fate = self.rng.random()
        if fate < 0.1:
            reader.net.append(message)
        if fate < 0.93 or not self.lossy:
            reader.receive(message)

    def _connect(self) -> None:
        self.rng.choice([each for each in self.readers if not each.registered]).subscribe()

    def _cut_connection(self) -> None:
        self.rng.choice([each for each in self.readers if each.registered]).lose_connection()

    def choices(self) -> list[Callable[[], None]]:
        readers = self.readers
        writing = bool(self.waiting or self.writers)
        choices: list[tuple[Callable[[], None], int]] = [
            (self._begin_writing, bool(self.waiting)),
            (self._write, 3 * len(self.writers)),
            (self._carry_out_read, sum(bool(each.reads) for each in readers)),
            (self._deliver, 2 * sum(bool(each.net) for each in readers)),
            (self._connect, sum(not each.registered for each in readers)),
        ]
        if writing and self.rng.random() < 0.15:
            choices.append((self._let_the_lease_expire, self.log.lease is not None))
            choices.append((self._cut_connection, any(each.registered for each in readers)))
        return [choice for choice, weight in choices for _ in range(weight)]

    def run(self) -> None:
        for _ in range(100_000):
            choices = self.choices()
            if not choices and self.log.lease is not None:
                self.log.lease = None
            elif not choices:
                if not self.lossy:
                    return
                self.lossy = False
                for reader in self.readers:
                    reader.refresh()
            else:
                self.rng.choice(choices)()
        raise AssertionError("The world did not come to rest.")


@settings(max_examples=600, deadline=None)
@given(seed=st.integers(0, 2**64))
def test_every_reader_ends_with_the_chain_whatever_happens(seed: int) -> None:
    world = World(random.Random(seed))
    world.run()
    chain = [str(each) for batch in world.log.chain() for each in batch.ids]
    written = {str(each) for batch in world.log.batches.values() for each in batch.ids}
    for reader in world.readers:
        seen = ids(reader.seen)
        places = [EventId.parse(each) for each in seen]
        assert all(before < after for before, after in pairwise(places))
        assert [each for each in seen if each in set(chain)] == chain
        # Void events may come out, but only such as were written, and with their own data.
        assert set(seen) <= written
        assert all(event.data == {"n": event.id} for event in reader.seen)


def test_the_worlds_do_contain_what_they_are_about() -> None:
    void = gaps = 0
    for seed in range(150):
        world = World(random.Random(seed))
        world.run()
        on_chain = {batch.first for batch in world.log.chain()}
        void += len(set(world.log.batches) - on_chain)
        gaps += sum(reader.order.gap is not None for reader in world.readers)
    assert void > 50
    # A gap that stays is one whose missing events are void.
    assert gaps < void


@settings(max_examples=300, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=8),
    data=st.data(),
)
def test_any_order_of_a_whole_log_gives_that_log(sizes: list[int], data: st.DataObject) -> None:
    messages, after, everything = [], None, []
    for epoch, size in enumerate(sizes, start=1):
        members = [EventId(epoch, seq) for seq in range(size)]
        messages.append(as_frame(after, members))
        after = members[-1]
        everything += [str(each) for each in members]
    doubled = messages + data.draw(st.lists(st.sampled_from(messages), max_size=6))
    order = EventOrder(RUN)
    came: list[str] = []
    pushed: list[EventId] = []
    for message in data.draw(st.permutations(doubled)):
        came += ids(order.push(message))
        pushed.append(EventId.parse(message["events"][-1]["id"]))
        assert came == everything[: len(came)]
        assert (order.gap is None) == (order.last == max(pushed))
    assert came == everything
