"""How often a pusher looks who watches a run, and that nobody is missed by it."""

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from adapters.push import Pusher
from core.event_log import Batch, Event, EventId

RUN = ("tenant", "thread_1", "run_1")


class Watchers:
    """Who watches, and how often that was asked; stands in for the subscriptions."""

    def __init__(self) -> None:
        self.connections: list[str] = []
        self.looks = 0
        self.fails = False

    def of_run(self, *_run: str) -> list[str]:
        """Return who watches."""
        self.looks += 1
        if self.fails:
            raise BotoCoreError
        return list(self.connections)


class Gateway:
    """Takes what is pushed, and remembers by connection which events came."""

    class exceptions:
        """As boto3's client has them."""

        class GoneException(Exception):
            """Never raised here."""

    def __init__(self) -> None:
        self.came: defaultdict[str, list[str]] = defaultdict(list)
        self.news = threading.Condition()

    def post_to_connection(self, **push: Any) -> None:
        """Take a frame."""
        with self.news:
            frame = json.loads(push["Data"])
            self.came[push["ConnectionId"]] += [event["id"] for event in frame["events"]]
            self.news.notify_all()

    def wait_for(self, connection: str, ids: list[str]) -> bool:
        """Wait until these events have come to a connection; tell whether they did."""
        with self.news:
            return self.news.wait_for(lambda: self.came[connection] == ids, 10)


@pytest.fixture
def watchers() -> Watchers:
    return Watchers()


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def now() -> list[float]:
    """The time, which tests move."""
    return [0.0]


@pytest.fixture
def pusher(watchers: Watchers, gateway: Gateway, now: list[float]) -> Iterator[Pusher]:
    made: Any = Pusher
    pusher: Pusher = made(gateway, watchers, monotonic=lambda: now[0], look_seconds=1)
    yield pusher
    pusher.drain(10)


def publish(pusher: Pusher, seq: int) -> None:
    """Publish a batch of one event."""
    after = EventId(1, seq - 1) if seq else None
    pusher.publish(*RUN, Batch(after, EventId(1, seq), (Event("e", {}),)))


def test_one_look_serves_the_batches_of_a_while_and_a_last_one_whoever_came_meanwhile(
    pusher: Pusher, watchers: Watchers, gateway: Gateway
) -> None:
    watchers.connections = ["early"]
    publish(pusher, 0)
    assert gateway.wait_for("early", ["1-0"])
    watchers.connections.append("late")
    for seq in (1, 2, 3):
        publish(pusher, seq)
    assert gateway.wait_for("early", ["1-0", "1-1", "1-2", "1-3"])
    assert watchers.looks == 1
    assert pusher.drain(10)
    assert watchers.looks == 2
    assert gateway.came == {
        "early": ["1-0", "1-1", "1-2", "1-3"],
        "late": ["1-1", "1-2", "1-3"],
    }


def test_after_a_while_a_batch_brings_the_next_look_and_newcomers_get_their_arrears(
    pusher: Pusher, watchers: Watchers, gateway: Gateway, now: list[float]
) -> None:
    watchers.connections = ["early"]
    publish(pusher, 0)
    assert gateway.wait_for("early", ["1-0"])
    publish(pusher, 1)
    assert gateway.wait_for("early", ["1-0", "1-1"])
    watchers.connections = ["late"]
    now[0] = 2
    publish(pusher, 2)
    assert gateway.wait_for("late", ["1-1", "1-2"])
    assert pusher.drain(10)
    assert gateway.came["early"] == ["1-0", "1-1"]
    assert watchers.looks == 2


def test_who_is_known_need_not_wait_for_the_next_look(watchers: Watchers, gateway: Gateway) -> None:
    made: Any = Pusher
    pusher: Pusher = made(gateway, watchers, look_seconds=3600)
    watchers.connections = ["early"]
    for seq in range(3):
        publish(pusher, seq)
        assert gateway.wait_for("early", [f"1-{each}" for each in range(seq + 1)])
    assert watchers.looks == 1
    assert pusher.drain(10)


def test_a_look_that_is_owed_comes_by_itself(watchers: Watchers, gateway: Gateway) -> None:
    made: Any = Pusher
    pusher: Pusher = made(gateway, watchers, look_seconds=0.05)
    watchers.connections = ["early"]
    publish(pusher, 0)
    assert gateway.wait_for("early", ["1-0"])
    publish(pusher, 1)
    watchers.connections.append("late")
    assert gateway.wait_for("late", ["1-1"])
    assert pusher.drain(10)


def test_a_look_that_fails_is_not_made_for_ever(
    pusher: Pusher, watchers: Watchers, gateway: Gateway
) -> None:
    watchers.connections = ["early"]
    publish(pusher, 0)
    assert gateway.wait_for("early", ["1-0"])
    watchers.fails = True
    publish(pusher, 1)
    assert gateway.wait_for("early", ["1-0", "1-1"])
    assert pusher.drain(10)
    assert (watchers.looks, pusher.failures) == (2, 1)
