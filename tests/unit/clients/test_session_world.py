"""A whole run seen through a bad network: whatever happens, the client ends with all of it.

The server here is a log that grows, answers subscriptions from it, and pushes to whoever is
subscribed. Everything in between may come late, twice, in another order or not at all; connections
are cut at any moment. Time is simulated, so minutes of waiting cost nothing.

What overtaken writers do is explored with the real log, in `unit/core/event_log_world.py`.
"""

import functools
import heapq
import json
import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.clients.front import RUN, THREAD
from threadrunner_client.messages import Creation
from threadrunner_client.ordering import EventId
from threadrunner_client.session import (
    Accept,
    Connect,
    Deliver,
    Disconnect,
    End,
    Fail,
    Send,
    Session,
    Stop,
)
from threadrunner_client.timing import Timing

# The subscriptions of the client, by their keys: to the run itself, which may be created for it; to
# the run's thread; to the run, joined later; and to the run, left and taken up again.
OWN, THREADS, LATE, LEAVING, RESUMED = range(1, 6)


class World:
    """One server, one client with several subscriptions to one run, and what lies between."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now = 0.0
        self.agenda: list[tuple[float, int, Callable[[], None]]] = []
        self.entries = 0
        self.session = Session(Timing(), jitter=self.rng.random)
        self.connection = 0
        self.live: int | None = None
        self.subscribed: set[tuple[int, str | None]] = set()
        self.log: list[tuple[str | None, list[dict[str, Any]]]] = []
        self.got: dict[int, list[str]] = defaultdict(list)
        self.ended: set[int] = set()
        self.creates = self.rng.random() < 0.5
        self.created: set[str] = set()
        self.moment = 0.0
        self.loss = self.rng.choice([0, 0.01, 0.05])
        self.bad_until = 300.0

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.entries += 1
        heapq.heappush(self.agenda, (self.now + seconds, self.entries, action))

    @property
    def bad(self) -> bool:
        return self.now < self.bad_until

    # The server.

    def write(self, name: str) -> None:
        """Add a batch to the log, then push it to whoever is subscribed by then."""
        first = bool(self.log) and self.rng.random() < 0.5
        last = EventId.parse(self.log[-1][1][-1]["id"]) if self.log else None
        start = EventId(1, 0)
        if last is not None:
            start = EventId(last.epoch + 1, 0) if first else EventId(last.epoch, last.seq + 1)
        events = [
            {"id": f"{start.epoch}-{start.seq + n}", "event": "thread.message.delta", "data": {}}
            for n in range(self.rng.randint(1, 3))
        ]
        events[-1]["event"] = name
        batch = (None if last is None else str(last), events)
        self.log.append(batch)
        for connection in {number for number, _ in self.subscribed}:
            self.push(connection, self.frame(*batch))

    def frame(self, after: str | None, events: list[dict[str, Any]]) -> dict[str, Any]:
        return {"run_id": RUN, "thread_id": THREAD, "after": after, "events": events}

    def push(self, connection: int, message: dict[str, Any]) -> None:
        """Send a message to a client; late, and perhaps never or twice."""
        if self.bad and self.rng.random() < self.loss:
            return
        for _ in range(1 + (self.rng.random() < 0.05)):
            delay = self.rng.choice([0.01, 0.02, 0.3, 1.0]) if self.bad else 0.01
            self.later(delay, lambda: self.arrive(connection, message))

    def arrive(self, connection: int, message: dict[str, Any]) -> None:
        if connection == self.live:
            self.session.received(json.dumps(message), self.now)

    def handle(self, connection: int, message: dict[str, Any]) -> None:
        """Carry out what a client asked for: register first, read the log second."""
        run_id = message.get("run_id")
        if message["action"] == "unsubscribe":
            self.subscribed.discard((connection, run_id))
            self.push(connection, {"type": "unsubscribed", "thread_id": THREAD, "run_id": run_id})
        elif message["action"] == "run.create":
            if message["idempotency_key"] not in self.created:
                self.created.add(message["idempotency_key"])
                self.begin()
            self.subscribed.add((connection, RUN))
            self.later(0.01, lambda: self.tell_created(connection, message))
        elif message["action"] == "subscribe":
            self.subscribed.add((connection, run_id))
            self.later(0.01, lambda: self.read(connection, message))
        else:
            self.push(connection, {"type": "pong"})

    def read(self, connection: int, message: dict[str, Any]) -> None:
        last = None
        if "run_id" in message:
            after = EventId.parse(message["after"]) if "after" in message else EventId(-1, 0)
            for precursor, events in self.log:
                if EventId.parse(events[-1]["id"]) > after:
                    self.push(connection, self.frame(precursor, events))
                    last = events[-1]["id"]
        over = bool(self.log) and self.log[-1][1][-1]["event"] == "thread.run.completed"
        status = "completed" if over else "in_progress"
        reply = {"type": "subscribed", "id": message["id"], "last": last, "status": status}
        self.push(connection, reply)

    def tell_created(self, connection: int, message: dict[str, Any]) -> None:
        reply = {"type": "run.created", "id": message["id"], "thread_id": THREAD, "run_id": RUN}
        last = self.log[-1][1][-1]["id"] if self.log else None
        self.push(connection, {**reply, "run": {"id": RUN}, "last": last})
        for batch in self.log:
            self.push(connection, self.frame(*batch))

    def begin(self) -> None:
        """Have the run go its way, and others follow it from some moment on."""
        for _ in range(self.rng.randint(0, 20)):
            self.moment += self.rng.choice([0.01, 0.5, 5, 30])
            self.later(self.moment, lambda: self.write("thread.message.delta"))
        self.later(self.moment + 1, lambda: self.write("thread.run.completed"))
        joins, leaves = sorted(self.rng.uniform(0, self.moment + 5) for _ in range(2))
        self.later(joins, lambda: self.session.add(LATE, (THREAD, RUN), None, self.now))
        self.later(joins, lambda: self.session.add(LEAVING, (THREAD, RUN), None, self.now))
        self.later(leaves, self.leave)

    def leave(self) -> None:
        self.session.remove(LEAVING, self.now)
        got = self.got[LEAVING]
        after = EventId.parse(got[-1]) if got else None
        if LEAVING not in self.ended:
            self.session.add(RESUMED, (THREAD, RUN), after, self.now)

    # The network.

    def connect(self) -> None:
        if self.bad and self.rng.random() < 0.3:
            self.session.failed("refused", self.now)
            return
        self.connection += 1
        self.live = self.connection
        self.session.opened(self.now)
        if self.bad and self.rng.random() < 0.5:
            connection = self.connection
            self.later(self.rng.uniform(0, 40), lambda: self.cut(connection))

    def cut(self, connection: int) -> None:
        if connection == self.live:
            self.live = None
            self.session.closed("cut", self.now)
        # The server notices some time or other, and pushes into the void until then.
        self.later(self.rng.uniform(0, 5), lambda: self.forget(connection))

    def forget(self, connection: int) -> None:
        self.subscribed = {each for each in self.subscribed if each[0] != connection}

    # The client's front.

    def obey(self) -> None:
        for command in self.session.take_commands():
            match command:
                case Connect():
                    self.later(self.rng.uniform(0, 1), self.connect)
                case Disconnect():
                    self.live = None
                case Send(text=text) if self.live is not None:
                    message = json.loads(text)
                    delay = self.rng.uniform(0, 0.5)
                    self.later(delay, functools.partial(self.handle, self.live, message))
                case Deliver(key=key, events=events):
                    self.got[key] += [event.id for event in events]
                case End(key=key):
                    self.ended.add(key)
                case Fail(error=error) | Stop(error=error):
                    raise AssertionError(f"failed: {error}")
                case Send() | Accept():
                    pass

    def run(self) -> None:
        if self.creates:
            self.session.create(OWN, Creation(THREAD, {}, "once"), 0)
        else:
            self.session.add(OWN, (THREAD, RUN), None, 0)
            self.begin()
        self.session.add(THREADS, (THREAD, None), None, 0)
        self.obey()
        end = self.bad_until + 1500
        while self.now < end:
            times = [self.session.deadline, self.agenda[0][0] if self.agenda else None]
            self.now = min((max(each, self.now) for each in times if each is not None), default=end)
            while self.agenda and self.agenda[0][0] <= self.now:
                heapq.heappop(self.agenda)[2]()
                self.obey()
            self.session.tick(self.now)
            self.obey()


@settings(max_examples=250, deadline=None)
@given(seed=st.integers(0, 2**64))
def test_a_run_is_followed_to_its_end_through_a_bad_network(seed: int) -> None:
    world = World(seed)
    world.run()
    everything = [event["id"] for _, events in world.log for event in events]
    assert world.got[OWN] == everything
    assert world.got[LATE] == everything
    assert world.got[LEAVING] + world.got[RESUMED] == everything
    assert world.ended in ({OWN, LATE, LEAVING}, {OWN, LATE, RESUMED})
    assert world.created == ({"once"} if world.creates else set())
    # Who follows the thread gets a run from its start, if anything of it comes at all.
    assert world.got[THREADS] in (everything, [])
