"""Deletions in the background: whole, resumable after any death, and only of what they are for."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient

from adapters.dynamodb.values import MAX_INLINE_BYTES
from api.services.run_creation import first_events
from core.dispatch import step_job
from core.jobs import (
    CheckJob,
    DeleteThreadJob,
    FileTtlJob,
    RunTtlJob,
    ThreadTtlJob,
    TimerJob,
)
from core.records import RunRecord
from core.schema.threads import Thread
from runner import timers
from runner.deletion import CANCEL_SECONDS
from runner.timers import handle_record
from tests.support.model import call, stop, text
from tests.support.world import REGION, TENANT, Killed, Lambda, World, function_tool, run_config

WRITES = {"BatchWriteItem", "DeleteItem", "DeleteObjects", "TransactWriteItems", "UpdateItem"}
LARGE = "x" * (MAX_INLINE_BYTES + 1)
AT_ONCE = 25


@contextmanager
def dying_after(writes: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Kill the process after so many writes; tell which there were."""
    made: Counter[str] = Counter()
    make = BaseClient._make_api_call  # type: ignore[attr-defined]

    def make_and_die(client: Any, operation: str, arguments: Any) -> Any:
        answer = make(client, operation, arguments)
        if operation in WRITES:
            made[operation] += 1
            if made.total() == writes:
                raise Killed
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", make_and_die)
        yield made


def carry_out_and_die(
    world: World, job: TimerJob, writes: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[bool, Counter[str]]:
    """Carry out a job until after so many writes; tell whether it died, and which there were."""
    with dying_after(writes, monkeypatch) as made:
        try:
            world.carry_out(job)
        except Killed:
            return True, made
    return False, made


def stored() -> set[tuple[str, str]]:
    """Return the keys of all items of both tables, and the names of all objects."""
    dynamodb = boto3.client("dynamodb", region_name=REGION)
    keys = {
        (item["pk"]["S"], item["sk"]["S"])
        for table in ("state", "stream")
        for item in dynamodb.scan(TableName=table)["Items"]
    }
    objects = boto3.client("s3", region_name=REGION).list_objects_v2(Bucket="bucket")
    return keys | {("object", found["Key"]) for found in objects.get("Contents", [])}


def ended_run(world: World, thread_id: str, **config: Any) -> RunRecord:
    """Have a run answer a thread."""
    run = world.create_run(thread_id, **config)
    world.model.turn(*text("Hello."), *stop())
    assert world.deliver_next()
    assert world.get(run).ended
    return run


def waiting_run(world: World, thread_id: str) -> RunRecord:
    """Have a run wait for its client."""
    run = world.create_run(thread_id, tools=[function_tool("ask")])
    world.model.turn(*call("ask", "{}", "call_1"), *stop())
    assert world.deliver_next()
    assert world.get(run).status == "requires_action"
    return run


def marked(world: World, thread_id: str) -> DeleteThreadJob:
    """Mark a thread as its owner does; return the job that deletes it."""
    world.timers.deletions.mark_thread(TENANT, thread_id)
    return DeleteThreadJob(tenant=TENANT, thread_id=thread_id)


def finish(world: World) -> None:
    """Carry out what waits in the timers queue, besides checks, until nothing does."""
    for _ in range(50):
        if not world.queues.timers:
            return
        world.timer_next()
    raise AssertionError("the deletion does not end")


def test_a_thread_is_deleted_with_its_messages_and_runs_and_their_steps_and_logs(
    world: World,
) -> None:
    other = world.thread("Hello")
    ended_run(world, other)
    untouched = stored()
    thread_id = world.thread(*(["Hi"] * (2 * AT_ONCE + 3)), LARGE)
    ended_run(world, thread_id)
    ended_run(world, thread_id, instructions=LARGE)
    assert len([key for key in stored() if key[0] == "object"]) >= 2

    world.carry_out(marked(world, thread_id))

    assert stored() == untouched
    assert world.queues.timers == []


def test_a_deletion_that_is_not_done_in_its_time_goes_on(world: World) -> None:
    before = stored()
    thread_id = world.thread(*(["Hi"] * (2 * AT_ONCE)))
    ended_run(world, thread_id)
    job = marked(world, thread_id)
    world.carry_out(job, seconds=0)
    assert world.queues.timers == [(job, 0)]
    finish(world)
    assert stored() == before


def test_a_thread_that_is_not_marked_is_left_alone(world: World) -> None:
    thread_id = world.thread("Hi")
    before = stored()
    world.carry_out(DeleteThreadJob(tenant=TENANT, thread_id=thread_id))
    assert stored() == before
    assert world.queues.timers == []


def test_a_job_that_comes_again_after_all_is_done_does_nothing(world: World) -> None:
    job = marked(world, world.thread("Hi"))
    world.carry_out(job)
    before = stored()
    world.carry_out(job)
    assert stored() == before == set()
    assert world.queues.timers == []


def test_a_deletion_that_is_killed_after_any_of_its_writes_is_finished_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Counter[str] = Counter()
    writes, died = 0, True
    while died:
        writes += 1
        thread_id = world.thread("Hi", LARGE, "Hello")
        ended_run(world, thread_id)
        waiting_run(world, thread_id)
        job = marked(world, thread_id)
        died, made = carry_out_and_die(world, job, writes, monkeypatch)
        lock = world.timers.threads.lock(TENANT, thread_id)
        assert lock is None or lock.deleted
        world.carry_out(job)
        finish(world)
        assert stored() == set(), f"killed after {dict(made)}"
    # The ending of the run, its log, its items, the messages' object, the messages, the lock.
    assert writes > 8
    assert set(made) == {"TransactWriteItems", "BatchWriteItem", "DeleteObjects", "DeleteItem"}


def test_two_deliveries_at_the_same_time_delete_it_once_and_for_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread_id = world.thread(*(["Hi"] * (3 * AT_ONCE)))
    ended_run(world, thread_id)
    job = marked(world, thread_id)
    make = BaseClient._make_api_call  # type: ignore[attr-defined]
    begun: list[str] = []

    def make_beside(client: Any, operation: str, arguments: Any) -> Any:
        if operation == "BatchWriteItem" and not begun:
            begun.append(operation)
            world.carry_out(job)
        return make(client, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", make_beside)
    world.carry_out(job)
    assert begun
    assert stored() == set()


def test_deletions_that_the_table_puts_off_are_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = marked(world, world.thread(*(["Hi"] * AT_ONCE)))
    make = BaseClient._make_api_call  # type: ignore[attr-defined]
    sizes: list[int] = []

    def take_three(client: Any, operation: str, arguments: Any) -> Any:
        if operation != "BatchWriteItem":
            return make(client, operation, arguments)
        ((table, requests),) = arguments["RequestItems"].items()
        sizes.append(len(requests))
        answer = make(client, operation, {"RequestItems": {table: requests[:9]}})
        return answer | {"UnprocessedItems": {table: requests[9:]} if requests[9:] else {}}

    monkeypatch.setattr(BaseClient, "_make_api_call", take_three)
    world.carry_out(job)
    assert sizes == [25, 16, 7]
    assert stored() == set()


def test_a_run_that_waits_for_its_client_is_cancelled_in_the_open_and_deleted(world: World) -> None:
    thread_id = world.thread("Hi")
    waiting_run(world, thread_id)
    world.carry_out(marked(world, thread_id))
    names = [event.name for batch in world.pusher.batches for event in batch.events]
    assert names[-3:] == [
        "thread.run.cancelling",
        "thread.run.step.cancelled",
        "thread.run.cancelled",
    ]
    assert stored() == set()
    # Nobody watches over it any more: each of its checks is the last one.
    for _ in range(len(world.queues.checks)):
        world.check_next()
    assert world.queues.checks == []


def test_a_run_that_a_worker_holds_is_cancelled_by_it_before_its_thread_is_deleted(
    world: World,
) -> None:
    thread_id = world.thread("Hi")
    run = world.create_run(thread_id)
    job = marked(world, thread_id)
    held: list[str] = []

    def delete_meanwhile() -> None:
        world.carry_out(job)
        held.append(world.get(run).to_wire().status)

    world.model.turn(*text("Half an "), delete_meanwhile, *text("answer."), *stop())
    assert world.deliver_next()
    assert held == ["cancelling"]
    assert world.get(run).status == "cancelled"
    assert world.queues.timers == [(job, CANCEL_SECONDS)]
    finish(world)
    assert stored() == set()


def test_a_step_whose_thread_is_gone_does_nothing(world: World) -> None:
    thread_id = world.thread("Hi")
    world.create_run(thread_id)
    world.carry_out(marked(world, thread_id))
    assert world.deliver_next()
    assert stored() == set()


# ---- times to live of threads --------------------------------------------------------------------


def mortal_thread(world: World, ttl_seconds: int) -> ThreadTtlJob:
    """Create a thread with a time to live; return the job that looks at it."""
    thread = Thread(
        id=world.runner.ids.new("thread"),
        created_at=world.clock() // 1000,
        metadata={},
        ttl_seconds=ttl_seconds,
    )
    world.runner.threads.create(TENANT, thread, [world.message(thread.id, "Hi")])
    return ThreadTtlJob(tenant=TENANT, thread_id=thread.id)


def test_a_thread_that_lay_idle_for_its_time_is_deleted(world: World) -> None:
    job = mortal_thread(world, 60)
    world.clock.advance(59)
    world.carry_out(job)
    assert world.queues.timers == [(job, 1)]
    world.timer_next()
    assert stored() == set()
    assert world.queues.timers == []


def test_a_run_keeps_its_thread_alive_until_it_has_ended_and_for_the_threads_time_after_that(
    world: World,
) -> None:
    job = mortal_thread(world, 60)
    world.clock.advance(50)
    run = world.create_run(job.thread_id)
    world.clock.advance(10)
    world.carry_out(job)
    assert world.queues.timers == [(job, 60)]
    world.clock.advance(30)
    world.model.turn(*text("Hello."), *stop())
    assert world.deliver_next()
    world.clock.advance(-30)
    world.timer_next()
    assert world.get(run).ended
    assert world.queues.timers == [(job, 30)]
    world.timer_next()
    assert stored() == set()


def test_a_thread_that_is_used_at_the_last_moment_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = mortal_thread(world, 60)
    world.clock.advance(60)
    mark = world.timers.deletions.mark_thread

    def mark_late(*arguments: Any, **named: Any) -> None:
        world.runner.messages.add(TENANT, world.message(job.thread_id, "Wait!"))
        mark(*arguments, **named)

    monkeypatch.setattr(
        type(world.timers.deletions), "mark_thread", lambda _, *a, **n: mark_late(*a, **n)
    )
    world.carry_out(job)
    assert world.queues.timers == [(job, 60)]
    assert world.timers.threads.get(TENANT, job.thread_id) is not None


def test_a_deletion_by_time_that_dies_after_its_mark_is_finished_by_the_next_delivery(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = mortal_thread(world, 60)
    world.clock.advance(60)
    with dying_after(1, monkeypatch), pytest.raises(Killed):
        world.carry_out(job)
    lock = world.timers.threads.lock(TENANT, job.thread_id)
    assert lock is not None
    assert lock.deleted
    world.carry_out(job)
    assert stored() == set()


def test_a_look_at_a_thread_that_is_gone_or_is_kept_does_nothing(world: World) -> None:
    kept = world.thread("Hi")
    before = stored()
    for thread_id in (kept, "thread_gone"):
        world.carry_out(ThreadTtlJob(tenant=TENANT, thread_id=thread_id))
    assert stored() == before
    assert world.queues.timers == []


# ---- times to live of runs -----------------------------------------------------------------------


def mortal_run(world: World, thread_id: str, ttl_seconds: int) -> RunTtlJob:
    """Create a run with a time to live; return the job that looks at it."""
    now = world.clock() // 1000
    run = RunRecord(
        id=world.runner.ids.new("run"),
        tenant=TENANT,
        thread_id=thread_id,
        config=run_config(),
        created_at=now,
        expires_at=now + 600,
        ttl_seconds=ttl_seconds,
    )
    world.runner.runs.create(run, first_events(run), [])
    return RunTtlJob(tenant=TENANT, thread_id=thread_id, run_id=run.id)


def answer(world: World, job: RunTtlJob) -> None:
    """Have a run end in words."""
    run = world.timers.runs.get(TENANT, job.thread_id, job.run_id)
    assert run is not None
    world.model.turn(*text("Hello."), *stop())
    assert world.deliver(step_job(run))


def test_a_run_is_deleted_its_time_after_its_end_and_its_messages_stay(world: World) -> None:
    thread_id = world.thread("Hi")
    earlier = ended_run(world, thread_id)
    job = mortal_run(world, thread_id, 300)
    world.clock.advance(100)
    answer(world, job)
    world.clock.advance(200)
    world.carry_out(job)
    assert world.queues.timers == [(job, 100)]
    world.timer_next()
    left = stored()
    assert world.timers.runs.get(TENANT, thread_id, job.run_id) is None
    assert not [key for key in left if job.run_id in key[0] or job.run_id in key[1]]
    assert len([key for key in left if key[1].startswith("msg#")]) == 3
    assert world.get(earlier).ended
    # The thread takes the next run.
    ended_run(world, thread_id)


def test_a_run_that_has_not_ended_is_never_deleted(world: World) -> None:
    thread_id = world.thread("Hi")
    job = mortal_run(world, thread_id, 60)
    world.clock.advance(200)
    before = stored()
    world.carry_out(job)
    assert world.queues.timers == [(job, 200)]
    assert stored() == before


def test_a_deletion_of_a_run_that_is_killed_is_finished_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread_id = world.thread("Hi")
    writes, died = 0, True
    while died:
        writes += 1
        job = mortal_run(world, thread_id, 60)
        answer(world, job)
        world.clock.advance(60)
        died, _ = carry_out_and_die(world, job, writes, monkeypatch)
        world.carry_out(job)
        assert not [key for key in stored() if job.run_id in key[0] or job.run_id in key[1]]
    assert writes > 2


# ---- files and the consumer ----------------------------------------------------------------------


class TimersLambda(Lambda):
    """What the timers' handler sees of its invocation."""

    function_name = "timers"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:us-east-1:1:function:timers"


def test_a_file_is_deleted_when_its_time_is_over_and_not_before(world: World) -> None:
    before = stored()
    now = world.clock() // 1000
    file = world.file(b"Hello.", expires_at=now + 50)
    job = FileTtlJob(tenant=TENANT, file_id=file.id, expires_at=now + 50)
    world.carry_out(job)
    assert world.queues.timers == [(job, 50)]
    assert world.runner.files.get(TENANT, file.id) is not None
    world.timer_next()
    assert stored() == before
    world.carry_out(job)


def record(body: str, message_id: str = "m1") -> dict[str, Any]:
    """Return a message of the timers queue."""
    return {"messageId": message_id, "body": body}


def test_checks_are_carried_out_before_deletions_and_a_bad_message_comes_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timers, "timers_context", lambda: world.timers)
    seen: list[str] = []
    monkeypatch.setattr(timers, "carry_out", lambda _context, job, _ends: seen.append(job.kind))
    names = {"tenant": TENANT, "thread_id": "thread_1"}
    event = {
        "Records": [
            record(DeleteThreadJob(**names).model_dump_json(), "m1"),
            record("{}", "m2"),
            record(CheckJob(**names, run_id="run_1", watch=1).model_dump_json(), "m3"),
            record(RunTtlJob(**names, run_id="run_1").model_dump_json(), "m4"),
        ]
    }
    answered = timers.handler(event, TimersLambda(29))
    assert seen == ["check", "delete_thread", "run_ttl"]
    assert answered == {"batchItemFailures": [{"itemIdentifier": "m2"}]}


def test_a_deletion_leaves_time_for_the_functions_end(world: World) -> None:
    job = marked(world, world.thread("Hi"))
    assert handle_record(world.timers, record(job.model_dump_json()), 0) is True
    assert world.queues.timers == [(job, 0)]
    lock = world.timers.threads.lock(TENANT, job.thread_id)
    assert lock is not None
    assert lock.deleted


def test_a_thread_of_ten_thousand_messages_is_gone_after_some_invocations(world: World) -> None:
    before = stored()
    thread_id = world.thread()
    world.fill(thread_id, 10_000)
    job = marked(world, thread_id)
    world.carry_out(job, seconds=0.5)
    assert world.queues.timers == [(job, 0)]
    finish(world)
    assert stored() == before
