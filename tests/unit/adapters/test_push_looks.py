"""How often a pusher looks who watches a run, and that nobody is missed by it."""

from collections.abc import Iterator

import pytest

from adapters.push import Pusher
from core.event_log import Batch, Event, EventId
from tests.support.gateway import FakeGateway, FakeSubscriptions, pusher_of

RUN = ("tenant", "thread_1", "run_1")


@pytest.fixture
def watchers() -> FakeSubscriptions:
    return FakeSubscriptions(["early"])


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def now() -> list[float]:
    """The time, which tests move."""
    return [0.0]


@pytest.fixture
def pusher(watchers: FakeSubscriptions, gateway: FakeGateway, now: list[float]) -> Iterator[Pusher]:
    pusher = pusher_of(gateway, watchers, monotonic=lambda: now[0], look_seconds=1)
    yield pusher
    pusher.drain(10)


def publish(pusher: Pusher, seq: int) -> None:
    """Publish a batch of one event."""
    after = EventId(1, seq - 1) if seq else None
    pusher.publish(*RUN, Batch(after, EventId(1, seq), (Event("thread.message.delta", {}),)))


def came(gateway: FakeGateway, connection: str) -> list[str]:
    """Return the ids of the events that came to a connection, each as often as it came."""
    return [event["id"] for frame in gateway.frames(connection) for event in frame["events"]]


def wait_for(gateway: FakeGateway, connection: str, *ids: str) -> None:
    """Wait until just these events have come to a connection."""
    gateway.wait_until(lambda: came(gateway, connection) == list(ids))


def test_one_look_serves_the_batches_of_a_while_and_a_last_one_whoever_came_meanwhile(
    pusher: Pusher, watchers: FakeSubscriptions, gateway: FakeGateway
) -> None:
    publish(pusher, 0)
    wait_for(gateway, "early", "1-0")
    watchers.connections.append("late")
    for seq in (1, 2, 3):
        publish(pusher, seq)
    wait_for(gateway, "early", "1-0", "1-1", "1-2", "1-3")
    assert watchers.looks == 1
    assert pusher.drain(10)
    assert watchers.looks == 2
    assert came(gateway, "early") == ["1-0", "1-1", "1-2", "1-3"]
    assert came(gateway, "late") == ["1-1", "1-2", "1-3"]


def test_after_a_while_a_batch_brings_the_next_look_and_newcomers_get_their_arrears(
    pusher: Pusher, watchers: FakeSubscriptions, gateway: FakeGateway, now: list[float]
) -> None:
    publish(pusher, 0)
    wait_for(gateway, "early", "1-0")
    publish(pusher, 1)
    wait_for(gateway, "early", "1-0", "1-1")
    watchers.connections = ["late"]
    now[0] = 2
    publish(pusher, 2)
    wait_for(gateway, "late", "1-1", "1-2")
    assert pusher.drain(10)
    assert came(gateway, "early") == ["1-0", "1-1"]
    assert watchers.looks == 2


def test_who_is_known_need_not_wait_for_the_next_look(
    watchers: FakeSubscriptions, gateway: FakeGateway
) -> None:
    pusher = pusher_of(gateway, watchers, look_seconds=3600)
    for seq in range(3):
        publish(pusher, seq)
        wait_for(gateway, "early", *(f"1-{each}" for each in range(seq + 1)))
    assert watchers.looks == 1
    assert pusher.drain(10)


def test_a_look_that_is_owed_comes_by_itself(
    watchers: FakeSubscriptions, gateway: FakeGateway
) -> None:
    pusher = pusher_of(gateway, watchers, look_seconds=0.05)
    publish(pusher, 0)
    wait_for(gateway, "early", "1-0")
    publish(pusher, 1)
    watchers.connections.append("late")
    wait_for(gateway, "late", "1-1")
    assert pusher.drain(10)


def test_a_look_that_fails_is_not_made_for_ever(
    pusher: Pusher, watchers: FakeSubscriptions, gateway: FakeGateway
) -> None:
    publish(pusher, 0)
    wait_for(gateway, "early", "1-0")
    watchers.failing = True
    publish(pusher, 1)
    wait_for(gateway, "early", "1-0", "1-1")
    assert pusher.drain(10)
    assert (watchers.looks, pusher.failures) == (2, 1)
