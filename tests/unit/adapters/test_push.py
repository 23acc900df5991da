"""The pusher: all get everything in order, nobody waits for the slow, and all of it is bounded."""

import threading

import pytest

from adapters.aws import push_client
from adapters.push import MAX_WAITING_BATCHES, Pusher
from adapters.push_lanes import MAX_LANE_BYTES, Lane, pack, spelled
from core.event_log import Batch, Cursor, Event, EventId
from tests.support.gateway import (
    FakeGateway,
    FakeSubscriptions,
    gone,
    pusher_of,
    throttled,
    timed_out,
)

RUN = "run_1"


class Log:
    """One writer's batches of a run."""

    def __init__(self, run_id: str = RUN) -> None:
        self._cursor = Cursor(1, None)
        self.run_id = run_id
        self.ids: list[str] = []

    def publish(self, pusher: Pusher, count: int = 1, size: int = 1) -> None:
        """Publish batches of one event each."""
        for _ in range(count):
            batch = self.batch(size)
            pusher.publish("proj_1", "thread_1", self.run_id, batch)

    def batch(self, size: int = 1) -> Batch:
        """Return the next batch."""
        batch = self._cursor.batch([Event("thread.message.delta", {"text": "x" * size})])
        self._cursor.advance(batch)
        self.ids.append(str(batch.last))
        return batch


def test_each_of_five_hundred_connections_gets_each_event_once_and_in_order() -> None:
    gateway, log = FakeGateway(), Log()
    connections = [f"c{number}" for number in range(500)]
    pusher = pusher_of(gateway, FakeSubscriptions(connections))
    log.publish(pusher, 40)
    assert pusher.drain(30)
    for connection in connections:
        events, order = gateway.order(connection, RUN)
        assert events == log.ids
        assert order.gap is None
    assert pusher.failures == 0


def test_a_frame_is_spelled_once_for_all_connections() -> None:
    gateway, log = FakeGateway(), Log()
    pusher = pusher_of(gateway, FakeSubscriptions(["a", "b", "c"]))
    log.publish(pusher)
    assert pusher.drain(30)
    (first,), (second,), (third,) = (gateway.posted[name] for name in "abc")
    assert first is second is third


def test_a_connection_that_takes_nothing_delays_nobody_and_nothing() -> None:
    gateway, log = FakeGateway(), Log()
    gateway.stuck["stuck"] = threading.Event()
    pusher = pusher_of(gateway, FakeSubscriptions(["stuck", "well"]), workers=2)
    for _ in range(50):
        # Publishing itself comes back, although the connection does not.
        log.publish(pusher)
        gateway.wait_until(lambda: gateway.order("well", RUN)[0] == log.ids)
    assert gateway.posted["stuck"] == []
    gateway.stuck["stuck"].set()
    assert pusher.drain(30)
    assert gateway.order("stuck", RUN)[0] == log.ids
    # What waited for it was joined.
    assert len(gateway.posted["stuck"]) == 2


def test_dead_connections_hold_none_of_the_workers_of_the_others() -> None:
    gateway, log = FakeGateway(), Log()
    dead = [f"dead{number}" for number in range(40)]
    never = threading.Event()
    for name in dead:
        gateway.faults[name].append(timed_out())
    pusher = pusher_of(gateway, FakeSubscriptions([*dead, "well"]), workers=4, slow_workers=2)
    log.publish(pusher)
    gateway.wait_until(lambda: all(gateway.attempts[name] for name in dead))
    # From now on, whoever pushes to one of them waits without end.
    gateway.stuck.update(dict.fromkeys(dead, never))
    for _ in range(20):
        log.publish(pusher)
        gateway.wait_until(lambda: gateway.order("well", RUN)[0] == log.ids)
    never.set()
    assert pusher.drain(30)


def test_while_the_workers_are_busy_batches_join_and_nobody_asks_who_watches() -> None:
    gateway, log = FakeGateway(), Log()
    names = [f"c{number}" for number in range(10)]
    busy = threading.Event()
    gateway.stuck.update(dict.fromkeys(names, busy))
    subscriptions = FakeSubscriptions(names)
    pusher = pusher_of(gateway, subscriptions, workers=2)
    log.publish(pusher)
    gateway.wait_until(lambda: sum(gateway.attempts.values()) == 2)
    subscriptions.looked.clear()
    log.publish(pusher)
    assert not subscriptions.looked.wait(0.2), "somebody looked who watches, in vain"
    log.publish(pusher, 100)
    busy.set()
    assert pusher.drain(30)
    assert subscriptions.looks <= 3
    for name in names:
        assert gateway.order(name, RUN)[0] == log.ids
        assert len(gateway.posted[name]) <= 3


def test_batches_of_several_runs_go_out_in_turns() -> None:
    gateway, logs = FakeGateway(), [Log("run_1"), Log("run_2")]
    subscriptions = FakeSubscriptions(["a"])
    subscriptions.held = threading.Event()
    pusher = pusher_of(gateway, subscriptions)
    for _ in range(20):
        for log in logs:
            log.publish(pusher)
    subscriptions.held.set()
    assert pusher.drain(30)
    for log in logs:
        assert gateway.order("a", log.run_id)[0] == log.ids
    assert len(gateway.posted["a"]) <= 4


def test_what_waits_for_the_look_at_who_watches_is_bounded_and_the_loss_is_a_gap() -> None:
    gateway, log = FakeGateway(), Log()
    subscriptions = FakeSubscriptions(["a"])
    subscriptions.held = threading.Event()
    pusher = pusher_of(gateway, subscriptions)
    log.publish(pusher, 3 * MAX_WAITING_BATCHES)
    assert sum(map(len, pusher._waiting.values())) <= MAX_WAITING_BATCHES
    subscriptions.held.set()
    assert pusher.drain(30)
    events, order = gateway.order("a", RUN)
    # The first batch was taken at once, if the fan-out was quick enough; the rest is a gap.
    assert events in ([], log.ids[:1], log.ids[:2])
    assert order.gap is not None


def test_what_waits_for_a_connection_is_bounded_and_the_loss_is_a_gap() -> None:
    gateway, log = FakeGateway(), Log()
    gateway.stuck["slow"] = threading.Event()
    pusher = pusher_of(gateway, FakeSubscriptions(["slow", "well"]))
    held = 0
    log.publish(pusher)
    gateway.wait_until(lambda: gateway.attempts["slow"] == 1)
    for _ in range(30):
        log.publish(pusher, size=30_000)
        gateway.wait_until(lambda: gateway.order("well", RUN)[0] == log.ids)
        held = max(held, sum(parcel.size for parcel in pusher._lanes["slow"].parcels))
    assert MAX_LANE_BYTES / 2 < held <= MAX_LANE_BYTES
    gateway.stuck["slow"].set()
    assert pusher.drain(30)
    events, order = gateway.order("slow", RUN)
    assert events == log.ids[:1]
    assert order.gap is not None
    assert gateway.frames("slow")[-1]["events"][-1]["id"] == log.ids[-1]


@pytest.mark.parametrize("fault", [throttled, timed_out])
def test_what_could_not_be_pushed_is_pushed_later_and_leaves_no_gap(fault: type) -> None:
    gateway, log = FakeGateway(), Log()
    gateway.faults["a"] += [fault(), fault()]
    pusher = pusher_of(gateway, FakeSubscriptions(["a", "b"]))
    log.publish(pusher, 5)
    gateway.wait_until(lambda: gateway.order("a", RUN)[0] == log.ids)
    assert gateway.order("b", RUN)[0] == log.ids
    # It is with the others again.
    log.publish(pusher)
    assert pusher.drain(30)
    assert gateway.order("a", RUN)[0] == log.ids


def test_a_connection_that_stays_dead_ends_with_the_drain_and_not_the_run() -> None:
    gateway, log = FakeGateway(), Log()
    gateway.always["dead"] = timed_out
    subscriptions = FakeSubscriptions(["dead", "well"])
    pusher = pusher_of(gateway, subscriptions)
    log.publish(pusher, 3)
    assert pusher.drain(30)
    assert gateway.order("well", RUN)[0] == log.ids
    assert subscriptions.gone == []
    del gateway.always["dead"]
    log.publish(pusher)
    assert pusher.drain(30)
    assert gateway.order("dead", RUN)[1].gap is not None


def test_what_is_not_pushed_within_the_drain_is_left_to_the_log() -> None:
    gateway, log = FakeGateway(), Log()
    gateway.stuck["a"] = threading.Event()
    pusher = pusher_of(gateway, FakeSubscriptions(["a"]))
    log.publish(pusher)
    gateway.wait_until(lambda: gateway.attempts["a"] == 1)
    log.publish(pusher, 3)
    assert not pusher.drain(0.05)
    gateway.stuck["a"].set()
    assert pusher.drain(30)
    assert gateway.order("a", RUN)[0] == log.ids[:1]


def test_a_connection_that_is_gone_is_forgotten_and_pushed_to_no_more() -> None:
    gateway, log = FakeGateway(), Log()
    gateway.always["a"] = gone
    subscriptions = FakeSubscriptions(["a", "b"])
    pusher = pusher_of(gateway, subscriptions)
    log.publish(pusher)
    assert pusher.drain(30)
    assert subscriptions.gone == ["a"]
    log.publish(pusher)
    assert pusher.drain(30)
    assert gateway.attempts["a"] == 1
    assert gateway.order("b", RUN)[0] == log.ids


def test_a_text_that_is_sent_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("adapters.push.time.sleep", pauses.append)
    gateway = FakeGateway()
    subscriptions = FakeSubscriptions(["a", "b"])
    pusher = pusher_of(gateway, subscriptions)
    gateway.faults["a"] += [throttled(), timed_out()]
    assert pusher.send("a", "hello")
    assert gateway.posted["a"] == [b"hello"]
    assert len(pauses) == 2
    gateway.always["a"] = timed_out
    assert not pusher.send("a", "hello")
    assert gateway.attempts["a"] == 6
    gateway.always["b"] = gone
    assert not pusher.send("b", "hello")
    assert subscriptions.gone == ["b"]


def test_the_client_gives_up_soon_and_tries_nothing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI", "https://push.invalid/live")
    config = push_client().meta.config
    assert config.retries["total_max_attempts"] == 1  # type: ignore[attr-defined]
    assert config.read_timeout + config.connect_timeout <= 3  # type: ignore[attr-defined]


def test_parcels_of_one_run_that_follow_each_other_share_frames() -> None:
    log, other = Log("run_1"), Log("run_2")
    lane = Lane()
    for source in (log, log, other, log):
        lane.add(pack("thread_1", source.run_id, [source.batch()]))
    parcels = lane.take()
    assert len(spelled(parcels)) == 3
    lane.add(pack("thread_1", "run_1", [log.batch()]))
    lane.put_back(parcels)
    assert [parcel.batches[0].first for parcel in lane.take()][-1] == EventId(1, 3)
