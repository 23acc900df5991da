"""More than one run for a thread: the next ones wait, or interrupt, and have it one by one."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.dispatch import FIRST_CHECK_SECONDS
from core.jobs import StepJob
from core.records import RunPhase, RunRecord
from core.run_machine import Trigger
from core.thread_line import MAX_WAITING, TURN_WATCH
from runner.dead_letters import bury
from runner.supervision import end
from tests.integration.api.support import (
    WEATHER,
    created,
    make_assistant,
    make_run,
    make_thread,
    refused,
)
from tests.support.model import call, stop, text
from tests.support.world import TENANT, Killed, World
from wiring.bootstrap import ApiContext


@pytest.fixture
def assistant(client: TestClient) -> str:
    """An assistant with a function."""
    return make_assistant(client, tools=[WEATHER])


@pytest.fixture
def thread(client: TestClient) -> str:
    """A thread with a question."""
    return make_thread(client, "First?")


@pytest.fixture
def waiting(client: TestClient, thread: str, assistant: str) -> list[str]:
    """Three runs on a thread: the first is active, the others wait."""
    first = make_run(client, thread, assistant)["id"]
    return [first, *(enqueue(client, thread, assistant)["id"] for _ in range(2))]


def enqueue(client: TestClient, thread: str, assistant: str, **fields: Any) -> Any:
    """Create a run that waits if it must."""
    return make_run(client, thread, assistant, multitask_strategy="enqueue", **fields)


def read(world: World, thread: str, run_id: str) -> RunRecord:
    """Return a run's record."""
    run = world.runner.runs.get(TENANT, thread, run_id)
    assert run is not None
    return run


def statuses(client: TestClient, thread: str) -> list[str]:
    """Return the statuses of a thread's runs in the order of their creation."""
    page = created(client.get(f"/v1/threads/{thread}/runs?order=asc"))
    return [run["status"] for run in page["data"]]


def answer(world: World, *pieces: str) -> None:
    """Carry out the one step that was sent for, with an answer of the model."""
    world.model.turn(*text(*pieces), *stop())
    assert len(world.queues.steps) == 1
    assert world.deliver_next()


def texts(client: TestClient, thread: str) -> list[str]:
    """Return what stands in a thread, oldest first."""
    page = created(client.get(f"/v1/threads/{thread}/messages?order=asc"))
    return [message["content"][0]["text"]["value"] for message in page["data"]]


# ---- enqueue ------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["reject", "enqueue", "interrupt"])
def test_on_a_free_thread_all_strategies_are_the_same(
    client: TestClient, world: World, thread: str, assistant: str, strategy: str
) -> None:
    run = make_run(client, thread, assistant, multitask_strategy=strategy)
    assert read(world, thread, run["id"]).phase is RunPhase.READY
    assert len(world.queues.checks) == 1
    answer(world, "Yes.")
    assert statuses(client, thread) == ["completed"]


def test_the_default_refuses_and_names_the_run_to_wait_for(
    client: TestClient, thread: str, assistant: str, waiting: list[str]
) -> None:
    for fields in ({}, {"multitask_strategy": "reject"}, {"multitask_strategy": None}):
        body = {"assistant_id": assistant, **fields}
        error = refused(client.post(f"/v1/threads/{thread}/runs", json=body))
        assert error["message"] == f"Thread {thread} already has an active run {waiting[0]}."


def test_enqueued_runs_have_the_thread_in_their_order(
    client: TestClient, world: World, thread: str, waiting: list[str]
) -> None:
    for number, run_id in enumerate(waiting):
        assert [job.run_id for job in world.queues.steps] == [run_id]
        answer(world, f"Answer {number}.")
        done = ["completed"] * (number + 1)
        assert statuses(client, thread) == [*done, *["queued"] * (2 - number)]
    assert world.queues.steps == []
    assert world.runner.threads.active_run(TENANT, thread) is None
    # The last one reads what the ones before it have said.
    told = [turn["content"] for turn in world.model.requests[-1].messages]
    assert told[-3:] == ["First?", "Answer 0.", "Answer 1."]


def test_an_enqueued_run_is_queued_and_announced_but_not_sent_for(
    client: TestClient, world: World, thread: str, waiting: list[str]
) -> None:
    run = created(client.get(f"/v1/threads/{thread}/runs/{waiting[1]}"))
    assert (run["status"], run["started_at"]) == ("queued", None)
    events = created(client.get(f"/v1/threads/{thread}/runs/{waiting[1]}/events"))["data"]
    assert [event["event"] for event in events] == ["thread.run.created", "thread.run.queued"]
    # Its check does not send for it, nor does a stray message let it begin.
    stray = StepJob(tenant=TENANT, thread_id=thread, run_id=waiting[1], step_no=0)
    assert world.deliver(stray)
    bury(world.runner, stray)
    world.queues.checks = [made for made in world.queues.checks if made[0].run_id == waiting[1]]
    world.check_next()
    assert statuses(client, thread) == ["queued"] * 3
    assert [job.run_id for job in world.queues.steps] == [waiting[0]]


def test_additional_messages_appear_with_the_runs_turn(
    client: TestClient, world: World, thread: str, assistant: str
) -> None:
    make_run(client, thread, assistant)
    more = [
        {"role": "user", "content": f"Second {part}?", "metadata": {"a": part}} for part in "ab"
    ]
    enqueue(client, thread, assistant, additional_messages=more)
    assert texts(client, thread) == ["First?"]
    world.clock.advance(5)
    answer(world, "One.")
    assert texts(client, thread) == ["First?", "One."]
    turn_ms = world.clock()
    answer(world, "Two.")
    page = created(client.get(f"/v1/threads/{thread}/messages?order=asc"))["data"]
    assert texts(client, thread) == ["First?", "One.", "Second a?", "Second b?", "Two."]
    assert {message["created_at"] for message in page[2:4]} == {turn_ms // 1000}
    assert [message["metadata"] for message in page[2:4]] == [{"a": "a"}, {"a": "b"}]
    told = [turn["content"] for turn in world.model.requests[-1].messages]
    assert told[-4:] == ["First?", "One.", "Second a?", "Second b?"]


def test_a_step_that_is_tried_again_adds_no_message_twice(
    client: TestClient, world: World, thread: str, assistant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(client, thread, assistant)
    most = [{"role": "user", "content": f"more {number}"} for number in range(96)]
    enqueue(client, thread, assistant, additional_messages=most)
    answer(world, "One.")
    job = world.queues.steps[0]

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("runner.step.load_prompt", die)
        with pytest.raises(Killed):
            world.deliver(job)
    world.clock.advance(31)
    answer(world, "Two.")
    page = created(client.get(f"/v1/threads/{thread}/messages?order=asc&limit=100"))["data"]
    said = [message["content"][0]["text"]["value"] for message in page]
    assert said == ["First?", "One.", *(message["content"] for message in most), "Two."]


def test_messages_are_refused_while_runs_wait(
    client: TestClient, thread: str, waiting: list[str]
) -> None:
    body = {"role": "user", "content": "Me too"}
    error = refused(client.post(f"/v1/threads/{thread}/messages", json=body))
    assert waiting[0] in error["message"]


def test_a_full_line_is_told_and_takes_the_next_when_one_has_left(
    client: TestClient, thread: str, assistant: str
) -> None:
    make_run(client, thread, assistant)
    runs = [enqueue(client, thread, assistant)["id"] for _ in range(MAX_WAITING)]
    body = {"assistant_id": assistant, "multitask_strategy": "enqueue"}
    error = refused(client.post(f"/v1/threads/{thread}/runs", json=body))
    assert error["param"] == "multitask_strategy"
    assert f"already has {MAX_WAITING} runs that wait" in error["message"]
    created(client.post(f"/v1/threads/{thread}/runs/{runs[7]}/cancel"))
    enqueue(client, thread, assistant)


def test_a_request_that_is_sent_again_waits_once(
    client: TestClient, thread: str, assistant: str
) -> None:
    make_run(client, thread, assistant)
    body = {"assistant_id": assistant, "multitask_strategy": "enqueue"}
    headers = {"Idempotency-Key": "once"}
    first, again = (
        created(client.post(f"/v1/threads/{thread}/runs", json=body, headers=headers))
        for _ in range(2)
    )
    assert first == again
    assert statuses(client, thread) == ["queued"] * 2


# ---- leaving the line ---------------------------------------------------------------------------


@pytest.mark.parametrize("place", [1, 2])
def test_a_waiting_run_is_cancelled_and_the_others_keep_their_places(
    client: TestClient, world: World, thread: str, waiting: list[str], place: int
) -> None:
    path = f"/v1/threads/{thread}/runs/{waiting[place]}"
    assert created(client.post(f"{path}/cancel"))["status"] == "cancelled"
    names = [event["event"] for event in created(client.get(f"{path}/events"))["data"]]
    assert names[2:] == ["thread.run.cancelling", "thread.run.cancelled"]
    answer(world, "One.")
    answer(world, "The other.")
    expected = ["completed"] * 3
    expected[place] = "cancelled"
    assert statuses(client, thread) == expected


def test_a_waiting_run_expires_in_the_line(
    client: TestClient, world: World, thread: str, assistant: str
) -> None:
    make_run(client, thread, assistant, expires_after_seconds=4000)
    short = enqueue(client, thread, assistant, expires_after_seconds=10)["id"]
    world.clock.advance(11)
    world.check_next()
    assert read(world, thread, short).status == "expired"
    answer(world, "One.")
    assert world.queues.steps == []
    assert world.runner.threads.active_run(TENANT, thread) is None


@pytest.mark.parametrize("how", ["cancel", "dead letter", "expiry", "failure"])
def test_the_next_run_begins_however_the_one_before_it_ends(
    client: TestClient, world: World, thread: str, waiting: list[str], how: str
) -> None:
    job = world.queues.steps.pop()
    if how == "cancel":
        created(client.post(f"/v1/threads/{thread}/runs/{waiting[0]}/cancel"))
    elif how == "dead letter":
        bury(world.runner, job)
    elif how == "expiry":
        assert end(world.runner, read(world, thread, waiting[0]), Trigger.EXPIRE)
    else:
        world.model.turn(*call("nobody", "{}", "call_1"), *stop("content_filter"))
        world.deliver(job)
    assert read(world, thread, waiting[0]).ended
    assert [sent.run_id for sent in world.queues.steps] == [waiting[1]]
    assert read(world, thread, waiting[1]).phase is RunPhase.READY
    assert read(world, thread, waiting[2]).phase is RunPhase.WAITING


def test_a_cancel_that_meets_the_runs_turn_cancels_the_run_with_its_turn(
    client: TestClient,
    context: ApiContext,
    world: World,
    thread: str,
    waiting: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apply = type(context.writer).apply

    def late(writer: Any, change: Any, receipt: Any = None) -> Any:
        """The run before it ends between the cancel's look and its write."""
        with monkeypatch.context() as patch:
            patch.setattr(type(context.writer), "apply", apply)
            if read(world, thread, waiting[1]).phase is RunPhase.WAITING:
                answer(world, "One.")
        return apply(writer, change, receipt)

    with monkeypatch.context() as patch:
        patch.setattr(type(context.writer), "apply", late)
        path = f"/v1/threads/{thread}/runs/{waiting[1]}/cancel"
        assert created(client.post(path))["status"] == "cancelled"
    assert world.runner.threads.active_run(TENANT, thread) == waiting[2]
    assert world.queues.steps[-1].run_id == waiting[2]


@pytest.mark.fault("runner-before-dispatch")
def test_a_turn_whose_step_was_never_sent_is_found_by_its_check(
    client: TestClient,
    world: World,
    thread: str,
    waiting: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_job: StepJob) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(world.queues, "send_step", fail)
        path = f"/v1/threads/{thread}/runs/{waiting[0]}/cancel"
        assert created(client.post(path))["status"] == "cancelled"
    world.queues.steps.clear()
    check, delay = world.queues.checks[-1]
    assert (check.run_id, check.watch, delay) == (waiting[1], TURN_WATCH, FIRST_CHECK_SECONDS)
    world.check_next()
    assert [job.run_id for job in world.queues.steps] == [waiting[1]]


# ---- interrupt ----------------------------------------------------------------------------------


def test_an_interrupt_ends_idle_runs_at_once_and_is_next(
    client: TestClient, world: World, thread: str, assistant: str
) -> None:
    world.model.turn(*call("get_weather", "{}", "call_1"), *stop("tool_calls"))
    make_run(client, thread, assistant)
    world.deliver_next()
    enqueue(client, thread, assistant, additional_messages=[{"role": "user", "content": "Lost."}])
    run = make_run(client, thread, assistant, multitask_strategy="interrupt")
    assert run["status"] == "queued"
    assert statuses(client, thread) == ["cancelled", "cancelled", "queued"]
    assert [job.run_id for job in world.queues.steps] == [run["id"]]
    answer(world, "Here.")
    assert statuses(client, thread) == ["cancelled", "cancelled", "completed"]
    assert texts(client, thread) == ["First?", "Here."]


def test_an_interrupt_of_a_run_that_streams_is_next_when_its_worker_has_stopped(
    client: TestClient, world: World, thread: str, assistant: str
) -> None:
    first = make_run(client, thread, assistant)
    interrupting: list[Any] = []

    def interrupt() -> None:
        interrupting.append(make_run(client, thread, assistant, multitask_strategy="interrupt"))
        assert statuses(client, thread) == ["cancelling", "queued"]

    world.model.turn(*text("Well"), interrupt, *text(", the"), *text(" weather"), *stop())
    assert world.deliver_next()
    assert statuses(client, thread) == ["cancelled", "queued"]
    events = created(client.get(f"/v1/threads/{thread}/runs/{first['id']}/events?limit=100"))
    names = [event["event"] for event in events["data"]]
    assert "thread.run.cancelling" in names
    assert names[-1] == "thread.run.cancelled"
    assert [job.run_id for job in world.queues.steps] == [interrupting[0]["id"]]
    answer(world, "Here.")
    assert statuses(client, thread) == ["cancelled", "completed"]


def test_an_interrupt_that_dies_after_its_write_is_carried_out_all_the_same(
    client: TestClient,
    world: World,
    thread: str,
    assistant: str,
    waiting: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("api.services.multitask.end_cancelled", die)
        with pytest.raises(Killed):
            make_run(client, thread, assistant, multitask_strategy="interrupt")
    world.queues.steps.clear()
    assert statuses(client, thread) == ["cancelling"] * 3 + ["queued"]
    assert world.queues.checks[-1][0].run_id == waiting[0]
    world.check_next()
    assert statuses(client, thread) == ["cancelled", "cancelling", "cancelling", "queued"]
    for _ in range(2):
        assert world.deliver_next()
    assert statuses(client, thread) == ["cancelled"] * 3 + ["queued"]
    answer(world, "Here.")
    assert statuses(client, thread) == ["cancelled"] * 3 + ["completed"]


def test_an_interrupt_finds_room_in_a_full_line(
    client: TestClient, world: World, thread: str, assistant: str
) -> None:
    make_run(client, thread, assistant)
    for _ in range(MAX_WAITING):
        enqueue(client, thread, assistant)
    run = make_run(client, thread, assistant, multitask_strategy="interrupt")
    assert statuses(client, thread)[:20] == ["cancelled"] * 20
    assert world.runner.threads.active_run(TENANT, thread) == run["id"]


@pytest.mark.parametrize("strategy", ["enqueue", "interrupt"])
def test_a_thread_that_is_not_there_is_a_404(
    client: TestClient, assistant: str, strategy: str
) -> None:
    body = {"assistant_id": assistant, "multitask_strategy": strategy}
    refused(client.post("/v1/threads/thread_gone/runs", json=body), 404)


def test_an_unknown_strategy_is_refused_by_name(
    client: TestClient, thread: str, assistant: str
) -> None:
    body = {"assistant_id": assistant, "multitask_strategy": "rollback"}
    error = refused(client.post(f"/v1/threads/{thread}/runs", json=body))
    assert error["param"] == "multitask_strategy"


def test_the_runs_of_a_deleted_thread_are_cancelled_and_none_has_its_turn(
    client: TestClient, world: World, thread: str, waiting: list[str]
) -> None:
    steps = len(world.queues.steps)
    created(client.delete(f"/v1/threads/{thread}"))
    ended: list[tuple[str, str]] = []
    while world.queues.timers:
        world.timer_next()
        ended += [
            (run, status)
            for run in waiting
            if (found := world.runner.runs.get(TENANT, thread, run)) is not None
            for status in (found.status,)
        ]
    assert world.runner.threads.lock(TENANT, thread) is None
    assert [world.runner.runs.get(TENANT, thread, run) for run in waiting] == [None] * 3
    names = [event.name for batch in world.pusher.batches for event in batch.events]
    assert names.count("thread.run.cancelled") == 3
    assert len(world.queues.steps) == steps
    assert "thread.run.in_progress" not in names
