"""Random schedules of writers, subscribers and pushes: each client's transcript equals the log.

The stores, the log, the subscriptions, the WebSocket's requests and the pusher are the real ones,
on moto; the clients put in order what they get as docs/websocket.md says. Writers are overtaken
(they go on writing under their old epoch), connections break at any point, and on the way frames
are doubled, held back and mixed.
"""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from typing import Any

import pytest

from adapters.dynamodb.event_log import EventLog
from adapters.dynamodb.subscriptions import Subscription, Subscriptions
from adapters.run_writer import RunWriter
from api.services.socket_requests import receive
from core.endings import claim, end_run
from core.event_log import Batch, Cursor, Event, EventId
from core.records import RunRecord
from core.run_machine import Trigger
from tests.support.direct_tables import call_tables_directly
from tests.support.gateway import FakeGateway, gone, pusher_of
from tests.support.protocol import check_message
from tests.support.socket import ACCESS, make_key, socket_context_of
from tests.support.world import TENANT, World
from threadrunner_client.ordering import EventOrder, Frame
from wiring.bootstrap import SocketContext
from wiring.telemetry import log_failure

SCHEDULES = 15
_MOVES = 60


class Flaw(StrEnum):
    """A way to get the protocol wrong; each must be found."""

    DOES_NOT_REGISTER = "a subscriber reads the log and is not registered"
    READS_FIRST = "a subscriber reads the log before it registers"
    NO_GAPS = "frames do not say what they follow"


class Client:
    """A reader of one run: it keeps its place across connections."""

    def __init__(self, number: int, run: RunRecord) -> None:
        self.number = number
        self.run = run
        self.order = EventOrder(run.id)
        self.seen: list[tuple[str, str]] = []
        self.connections = 0
        self.connected = False
        # On their way to the client, in the order in which they were pushed.
        self.net: list[dict[str, Any]] = []

    @property
    def connection(self) -> str:
        """The id of the connection at present."""
        return f"client{self.number}x{self.connections}="

    def receive(self, message: dict[str, Any]) -> None:
        """Take a message of the server."""
        if "events" in message:
            frame = Frame.parse(message)
            self.seen += [(event.id, event.event) for event in self.order.push(frame)]


class Stage:
    """One schedule: whatever may happen next is drawn from `rng`.

    Args:
        world: its tables, which are the real stores'.
        rng: decides.
        flaw: what is done wrong, to see that this is found.
    """

    def __init__(self, world: World, rng: random.Random, flaw: Flaw | None = None) -> None:
        self._world = world
        self._rng = rng
        self._flaw = flaw
        self._gateway = FakeGateway()
        stores = world.runner
        self._subscriptions = stores.subscriptions
        self._pusher = pusher_of(self._gateway, stores.subscriptions, workers=2)
        self._writer = RunWriter(
            stores.runs, stores.calls, self._pusher, world.clock, world.queues, log_failure
        )
        self._sockets: SocketContext = replace(
            socket_context_of(world),
            pusher=self._pusher,
            writer=self._writer,
            subscriptions=_Registering(self, stores.subscriptions),
            event_log=_Reading(self, stores.event_log),
        )
        self._late: list[Callable[[], None]] = []
        make_key(self._sockets)
        self._thread_id = world.thread("Hi")
        self.run = world.create_run(self._thread_id)
        self.clients = [Client(number, self.run) for number in range(rng.randint(1, 3))]
        self._holders: list[tuple[RunRecord, Cursor]] = []
        self._written = 0
        self.zombie_batches = 0

    def play(self) -> None:
        """Let things happen, then let all come to rest."""
        moves: list[Callable[[], None]] = [
            self._claim,
            self._append,
            self._append,
            self._append,
            self._append,
            self._join,
            self._join,
            self._disconnect,
            self._deliver,
            self._deliver,
            self._deliver,
        ]
        for _ in range(_MOVES):
            self._rng.choice(moves)()
        self._end()
        for client in self.clients:
            # Those who have lost their connection come back; the others fill their gaps.
            while client.net:
                client.receive(client.net.pop(self._rng.randrange(len(client.net))))
            if not client.connected or client.order.gap is not None:
                self._subscribe(client)
            while client.net:
                client.receive(client.net.pop(0))

    def check(self) -> None:
        """Fail unless each client has seen what the log holds, once and in order."""
        log = [(str(event_id), event.name) for event_id, event in self._world.events(self.run)]
        for client in self.clients:
            on_chain = set(log)
            counted = [event for event in client.seen if event in on_chain]
            assert counted == log, "lost, doubled or out of order"
            # What was void when it came may be told as well: its writer was overtaken later.
            assert len(client.seen) == len(set(client.seen)), "doubled"

    # ---- writers --------------------------------------------------------------------------------

    def _claim(self) -> None:
        """Have a worker take the run; the one before it may still believe that it holds it."""
        run = self._world.get(self.run)
        if run.ended:
            return
        if run.is_leased(self._world.clock()):
            self._world.clock.advance(31)
        now_ms = self._world.clock()
        change = claim(
            run,
            owner=f"worker/{self._written}",
            lease_until_ms=now_ms + 30_000,
            message=None,
            step=None,
            now=now_ms // 1000,
        )
        change = replace(change, events=(*change.events, self._event()))
        self._holders.append(self._writer.claim(change))
        self._spread()

    def _append(self) -> None:
        """Have anybody who ever held the run write a batch, as between two transactions."""
        if not self._holders:
            return
        run, cursor = self._rng.choice(self._holders)
        batch = cursor.batch([self._event() for _ in range(self._rng.randint(1, 3))])
        self.zombie_batches += run is not self._holders[-1][0]
        stores = self._world.runner
        stores.event_log.append(TENANT, run.id, batch)
        cursor.advance(batch)
        self._writer.publish(run, batch)
        self._spread()

    def _end(self) -> None:
        """Have the run end, as its check would."""
        run = self._world.get(self.run)
        if run.ended:
            return
        self._world.clock.advance(31)
        left = self._world.runner.runs.open_records(run)
        now = self._world.clock() // 1000
        change = end_run(run, Trigger.CANCELLED, message=left.message, step=left.step, now=now)
        self._writer.apply(left.close(change))
        self._spread()

    def _event(self) -> Event:
        self._written += 1
        return Event(f"thread.message.delta.{self._written}", {"n": self._written})

    # ---- clients --------------------------------------------------------------------------------

    def _join(self) -> None:
        self._subscribe(self._rng.choice(self.clients))

    def _subscribe(self, client: Client) -> None:
        if not client.connected:
            client.connections += 1
            client.connected = True
            # What was on its way by the connection before is lost with it.
            client.net.clear()
            self._sockets.subscriptions.connect(client.connection, ACCESS)
        last = client.order.last
        request = {
            "action": "subscribe",
            "thread_id": self._thread_id,
            "run_id": self.run.id,
            "after": None if last is None else str(last),
        }
        receive(self._sockets, client.connection, json.dumps(request), self._world.clock())
        self._spread()

    def _disconnect(self) -> None:
        """Break a connection: the gateway may tell of it, or leave it to the next push."""
        client = self._rng.choice(self.clients)
        if not client.connected:
            return
        client.connected = False
        client.net.clear()
        self._gateway.always[client.connection] = gone
        if self._rng.random() < 0.5:
            self._sockets.subscriptions.disconnect(client.connection)

    def _deliver(self) -> None:
        """Have a frame arrive: the next one, or any, or one that comes again later."""
        client = self._rng.choice(self.clients)
        if not client.net:
            return
        place = 0 if self._rng.random() < 0.5 else self._rng.randrange(len(client.net))
        message = client.net[place]
        if self._rng.random() < 0.8:
            client.net.pop(place)
        client.receive(message)

    def _spread(self) -> None:
        """Put what was pushed onto the ways to the clients."""
        assert self._pusher.drain(30)
        for client in self.clients:
            pushed = self._gateway.posted.pop(client.connection, [])
            for message in map(json.loads, pushed):
                check_message(message)
                if self._flaw is Flaw.NO_GAPS and "events" in message:
                    message["after"] = None
                client.net.append(message)

    # ---- what happens while a subscription is made ----------------------------------------------

    def register(self, tenant: str, subscription: Subscription) -> None:
        """Register a subscription; a writer may come in between this and the look at the log."""
        if self._flaw is Flaw.READS_FIRST:
            self._late.append(lambda: self._subscriptions.add(tenant, subscription))
        elif self._flaw is not Flaw.DOES_NOT_REGISTER:
            self._subscriptions.add(tenant, subscription)
        self._interrupt()

    def look(self, batches: list[Batch]) -> list[Batch]:
        """Let a writer come between the look at the log and what is sent of it."""
        self._interrupt()
        while self._late:
            self._late.pop()()
        return batches

    def _interrupt(self) -> None:
        if self._rng.random() < 0.3:
            self._append()
        elif self._rng.random() < 0.1:
            # What comes last is what no later frame tells the loss of.
            self._end()


class _Registering(Subscriptions):
    """Subscriptions, and a stage that is told of each new one."""

    def __init__(self, stage: Stage, real: Subscriptions) -> None:
        self.__dict__.update(real.__dict__)
        self._stage = stage

    def add(self, tenant: str, subscription: Subscription) -> None:
        self._stage.register(tenant, subscription)


class _Reading(EventLog):
    """The log, and a stage that is told of each look at it."""

    def __init__(self, stage: Stage, real: EventLog) -> None:
        self.__dict__.update(real.__dict__)
        self._stage = stage

    def read(self, tenant: str, run_id: str, after: EventId | None = None) -> list[Batch]:
        return self._stage.look(super().read(tenant, run_id, after))


@pytest.fixture(autouse=True)
def _fast_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    call_tables_directly(monkeypatch)


def explore(world: World, seed: int, flaw: Flaw | None = None) -> Stage:
    """Play one schedule on empty tables, and check what came of it.

    Raises:
        AssertionError: it names the seed.
    """
    world.clear()
    stage = Stage(world, random.Random(seed), flaw)
    try:
        stage.play()
        stage.check()
    except AssertionError as failure:
        raise AssertionError(f"schedule {seed}: {failure}") from failure
    return stage


def test_each_clients_transcript_is_the_log_whatever_happens(shared_world: World) -> None:
    stages = [explore(shared_world, seed) for seed in range(SCHEDULES)]
    # The schedules do contain what they are about.
    assert sum(stage.zombie_batches for stage in stages) > SCHEDULES
    assert sum(client.connections for stage in stages for client in stage.clients) > 2 * SCHEDULES


@pytest.mark.parametrize("flaw", Flaw)
def test_the_exploration_finds_each_way_to_get_it_wrong(shared_world: World, flaw: Flaw) -> None:
    with pytest.raises(AssertionError, match=r"^schedule \d+: "):
        for seed in range(6 * SCHEDULES):
            explore(shared_world, seed, flaw)
