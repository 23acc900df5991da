"""Connections that cannot be pushed to: runs go on without them, and nothing is lost."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from adapters.aws import push_client
from adapters.dynamodb.subscriptions import Subscription
from adapters.push import Pusher
from adapters.run_writer import RunWriter
from core.access import Access
from core.records import RunRecord
from tests.support.model import stop, text
from tests.support.world import TENANT, World
from wiring.telemetry import log_failure

CONNECTION = "connection_1"


def run_watched(world: World, post: Any, monkeypatch: pytest.MonkeyPatch) -> RunRecord:
    """Carry out a run that a connection watches, and return it as it ended.

    Args:
        world: where.
        post: pushes to the connection.
        monkeypatch: puts it in its place.
    """
    stores = world.runner
    client = push_client()
    monkeypatch.setattr(client, "post_to_connection", post)
    pusher = Pusher(client, stores.subscriptions)
    writer = RunWriter(stores.runs, stores.calls, pusher, world.clock, world.queues, log_failure)
    world.runner = replace(world.runner, pusher=pusher, writer=writer)
    thread_id = world.thread("Hi")
    run = world.create_run(thread_id)
    stores.subscriptions.connect(CONNECTION, Access(TENANT, "key_1"))
    stores.subscriptions.add(TENANT, Subscription(CONNECTION, thread_id, run.id))
    world.model.turn(*text("Hel", "lo."), *stop())
    world.deliver_next()
    assert pusher.drain(10)
    return world.get(run)


@pytest.mark.fault("push-out")
def test_a_run_ends_although_nothing_can_be_pushed_and_all_is_in_its_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed: list[bytes] = []

    def lose(*, ConnectionId: str, Data: bytes) -> None:
        pushed.append(Data)
        raise ReadTimeoutError(endpoint_url="https://push.test")

    run = run_watched(world, lose, monkeypatch)
    assert run.status == "completed"
    batches = world.runner.event_log.read(TENANT, run.id)
    assert all(after.after == before.last for before, after in pairwise(batches))
    assert world.names(run)[-1] == "run.completed"
    assert len(pushed) > 1, "the connection is not given up"
    assert world.runner.subscriptions.of_run(TENANT, run.thread_id, run.id) == [CONNECTION]


@pytest.mark.fault("push-out")
def test_a_connection_that_is_gone_is_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = push_client()

    def gone(*, ConnectionId: str, Data: bytes) -> None:
        raise client.exceptions.GoneException({"Error": {"Code": "GoneException"}}, "Post")

    run = run_watched(world, gone, monkeypatch)
    assert run.status == "completed"
    assert world.runner.subscriptions.of_run(TENANT, run.thread_id, run.id) == []
