"""Deleting threads, and giving threads and runs a time to live, over HTTP."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from adapters.dynamodb.errors import ThreadMissing
from api.services import threads
from core.jobs import DeleteThreadJob, RunTtlJob, ThreadTtlJob, TimerJob
from tests.integration.api.support import (
    created,
    make_assistant,
    make_run,
    make_thread,
    refused,
)
from tests.support.world import TENANT, World

RETRY = {"x-stainless-retry-count": "1"}


@pytest.fixture
def thread(client: TestClient) -> str:
    """A thread with a message."""
    return make_thread(client, "Hi")


def test_a_deleted_thread_is_answered_as_deleted_and_is_out_of_sight_at_once(
    client: TestClient, thread: str
) -> None:
    other = make_thread(client, "Hello")
    assistant = make_assistant(client)
    answer = created(client.delete(f"/v1/threads/{thread}"))
    assert answer == {"id": thread, "object": "thread.deleted", "deleted": True}

    message = f"No thread found with id '{thread}'."
    path = f"/v1/threads/{thread}"
    said = {"role": "user", "content": "Still there?"}
    assert refused(client.get(path), 404)["message"] == message
    assert refused(client.post(path, json={"metadata": {}}), 404)["message"] == message
    assert refused(client.post(f"{path}/messages", json=said), 404)["message"] == message
    run = {"assistant_id": assistant}
    assert refused(client.post(f"{path}/runs", json=run), 404)["message"] == message
    assert [listed["id"] for listed in created(client.get("/v1/threads"))["data"]] == [other]


def test_a_short_thread_is_gone_with_the_answer(
    client: TestClient, world: World, thread: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "SWEEP_SECONDS", 60)
    path = f"/v1/threads/{thread}"
    (message,) = created(client.get(f"{path}/messages"))["data"]
    created(client.delete(path))
    assert world.timers.threads.lock(TENANT, thread) is None
    refused(client.get(f"{path}/messages"), 404)
    refused(client.get(f"{path}/messages/{message['id']}"), 404)
    job = DeleteThreadJob(tenant=TENANT, thread_id=thread)
    assert world.queues.timers == [(job, 35)]
    world.timer_next()
    assert world.queues.timers == []


def test_the_deletion_is_armed_before_the_thread_is_marked_and_begun_after_that(
    client: TestClient, world: World, thread: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[TimerJob, int, bool]] = []

    def send_timer(job: TimerJob, delay: int) -> None:
        lock = world.timers.threads.lock(TENANT, thread)
        assert lock is not None
        seen.append((job, delay, lock.deleted))

    monkeypatch.setattr(world.queues, "send_timer", send_timer)
    monkeypatch.setattr(threads, "SWEEP_SECONDS", 0)
    created(client.delete(f"/v1/threads/{thread}"))
    job = DeleteThreadJob(tenant=TENANT, thread_id=thread)
    assert seen == [(job, 35, False), (job, 0, True)]


def test_a_deletion_that_could_not_be_begun_is_answered_and_carried_out_later(
    client: TestClient, world: World, thread: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = world.queues.send_timer

    def fail_at_once(job: TimerJob, delay: int) -> None:
        if delay == 0:
            raise ConnectionError
        send(job, delay)

    with monkeypatch.context() as broken:
        broken.setattr(world.queues, "send_timer", fail_at_once)
        broken.setattr(threads, "SWEEP_SECONDS", 0)
        created(client.delete(f"/v1/threads/{thread}"))
    world.timer_next()
    assert world.timers.threads.lock(TENANT, thread) is None
    assert world.queues.timers == []


def test_a_thread_can_be_deleted_once(client: TestClient, world: World, thread: str) -> None:
    created(client.delete(f"/v1/threads/{thread}"))
    message = f"No thread found with id '{thread}'."
    assert refused(client.delete(f"/v1/threads/{thread}"), 404)["message"] == message
    world.carry_out(DeleteThreadJob(tenant=TENANT, thread_id=thread))
    assert refused(client.delete(f"/v1/threads/{thread}"), 404)["message"] == message


@pytest.mark.parametrize("swept", [False, True])
def test_a_retry_of_a_deletion_gets_its_answer_again(
    client: TestClient, world: World, thread: str, swept: bool
) -> None:
    answer = created(client.delete(f"/v1/threads/{thread}"))
    if swept:
        world.carry_out(DeleteThreadJob(tenant=TENANT, thread_id=thread))
    assert created(client.delete(f"/v1/threads/{thread}", headers=RETRY)) == answer


def test_a_retry_whose_first_attempt_never_came_deletes_the_thread(
    client: TestClient, thread: str
) -> None:
    created(client.delete(f"/v1/threads/{thread}", headers=RETRY))
    refused(client.get(f"/v1/threads/{thread}"), 404)


@pytest.mark.parametrize("thread_id", ["thread_unknown", "thread/../x", "nonsense"])
def test_what_is_not_there_cannot_be_deleted(client: TestClient, thread_id: str) -> None:
    refused(client.delete(f"/v1/threads/{thread_id}"), 404)


def test_nobody_deletes_the_thread_of_another_project(
    client: TestClient, stranger: TestClient, thread: str
) -> None:
    refused(stranger.delete(f"/v1/threads/{thread}"), 404)
    created(client.get(f"/v1/threads/{thread}"))


def test_lists_of_what_is_gone_are_404(client: TestClient, world: World, thread: str) -> None:
    created(client.delete(f"/v1/threads/{thread}"))
    world.carry_out(DeleteThreadJob(tenant=TENANT, thread_id=thread))
    for path in ("messages", "runs", "messages/msg_x", "runs/run_x"):
        refused(client.get(f"/v1/threads/{thread}/{path}"), 404)


def test_nobody_watches_a_deleted_thread(client: TestClient, world: World, thread: str) -> None:
    created(client.delete(f"/v1/threads/{thread}"))
    with pytest.raises(ThreadMissing):
        world.timers.threads.active_run(TENANT, thread)


# ---- times to live -------------------------------------------------------------------------------


def test_a_thread_with_a_time_to_live_is_looked_at_when_that_may_be_over(
    client: TestClient, world: World
) -> None:
    thread = created(client.post("/v1/threads", json={"ttl_seconds": 86_400}))
    assert thread["ttl_seconds"] == 86_400
    job = ThreadTtlJob(tenant=TENANT, thread_id=thread["id"])
    assert world.queues.timers == [(job, 86_400)]
    lock = world.timers.threads.lock(TENANT, thread["id"])
    assert lock is not None
    assert (lock.ttl_seconds, lock.last_active) == (86_400, thread["created_at"])


def test_a_thread_and_run_may_each_have_a_time_to_live(client: TestClient, world: World) -> None:
    body: dict[str, Any] = {
        "assistant_id": make_assistant(client),
        "thread": {"ttl_seconds": 7200},
        "ttl_seconds": 3600,
    }
    run = created(client.post("/v1/threads/runs", json=body))
    names = {"tenant": TENANT, "thread_id": run["thread_id"]}
    assert world.queues.timers == [
        (RunTtlJob(**names, run_id=run["id"]), 3600),
        (ThreadTtlJob(**names), 7200),
    ]
    lock = world.timers.threads.lock(TENANT, run["thread_id"])
    assert lock is not None
    assert (lock.ttl_seconds, lock.active_run) == (7200, run["id"])
    record = world.timers.runs.get(TENANT, run["thread_id"], run["id"])
    assert record is not None
    assert record.ttl_seconds == 3600


def test_a_run_with_a_time_to_live_is_looked_at_when_that_may_be_over(
    client: TestClient, world: World, thread: str
) -> None:
    run = make_run(client, thread, make_assistant(client), ttl_seconds=600)
    job = RunTtlJob(tenant=TENANT, thread_id=thread, run_id=run["id"])
    assert world.queues.timers == [(job, 600)]


def test_what_has_no_time_to_live_is_not_looked_at(
    client: TestClient, world: World, thread: str
) -> None:
    make_run(client, thread, make_assistant(client))
    assert world.queues.timers == []
    lock = world.timers.threads.lock(TENANT, thread)
    assert lock is not None
    assert lock.ttl_seconds is None


def test_a_message_keeps_its_thread_alive(client: TestClient, world: World) -> None:
    thread = created(client.post("/v1/threads", json={"ttl_seconds": 100}))["id"]
    world.clock.advance(70)
    created(
        client.post(f"/v1/threads/{thread}/messages", json={"role": "user", "content": "Hello?"})
    )
    world.clock.advance(-70)
    world.timer_next()  # a hundred seconds after its creation
    created(client.get(f"/v1/threads/{thread}"))
    assert [delay for _, delay in world.queues.timers] == [70]
    world.timer_next()
    refused(client.get(f"/v1/threads/{thread}"), 404)
    assert world.timers.threads.lock(TENANT, thread) is None
