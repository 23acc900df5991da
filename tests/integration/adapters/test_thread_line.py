"""Races for a thread's line that are decided by one conditional write."""

from collections.abc import Sequence

import boto3
import pytest

from adapters.dynamodb import keyspace
from adapters.dynamodb.errors import LineFull, LineMoved, RunMoved, ThreadMissing
from core.changes import Change, ThreadLine
from core.endings import end_run
from core.records import RunPhase, RunRecord
from core.run_machine import Trigger, run_event
from core.thread_line import MAX_WAITING, waiting_run
from tests.support.runs import run_record
from tests.support.world import REGION, TENANT, World


@pytest.fixture
def active(world: World) -> RunRecord:
    """A run that holds its thread."""
    return world.create_run(world.thread("Hi"))


def join(
    world: World, active: RunRecord, line: ThreadLine, *, interrupts: bool = False
) -> RunRecord:
    """Have a new run wait, in a line as it was seen."""
    run = waiting_run(run_record(id=world.runner.ids.new("run"), thread_id=active.thread_id), [])
    stored, _ = world.runner.runs.enqueue(run, [run_event(run)], line, interrupts=interrupts)
    return stored


def cancel(run: RunRecord, line: Sequence[str] = ()) -> Change:
    """Return the change that cancels a run."""
    change = end_run(run, Trigger.CANCELLED, message=None, step=None, now=1)
    return Change(run, change.after, change.events, line=ThreadLine(None, tuple(line)))


def change_lock(world: World, thread_id: str, expression: str) -> None:
    """Do to a thread's lock what others do."""
    boto3.client("dynamodb", region_name=REGION).update_item(
        TableName="state",
        Key={"pk": {"S": keyspace.thread(TENANT, thread_id)}, "sk": {"S": keyspace.META}},
        UpdateExpression=expression,
        ExpressionAttributeValues={":value": {"S": "other"}},
    )


@pytest.mark.parametrize("interrupts", [False, True])
def test_nobody_joins_behind_another_run_than_was_seen(
    world: World, active: RunRecord, interrupts: bool
) -> None:
    world.runner.runs.apply(cancel(active))
    with pytest.raises(RunMoved):
        join(world, active, ThreadLine(active.id), interrupts=interrupts)
    change_lock(world, active.thread_id, "SET active_run = :value")
    with pytest.raises(RunMoved):
        join(world, active, ThreadLine(active.id), interrupts=interrupts)


@pytest.mark.parametrize("interrupts", [False, True])
def test_nobody_joins_at_a_deleted_thread(
    world: World, active: RunRecord, interrupts: bool
) -> None:
    change_lock(world, active.thread_id, "SET deleted = :value")
    with pytest.raises(ThreadMissing):
        join(world, active, ThreadLine(active.id), interrupts=interrupts)


def test_an_interrupt_that_has_not_seen_everybody_is_refused(
    world: World, active: RunRecord
) -> None:
    line = ThreadLine(active.id)
    unseen = join(world, active, line)
    with pytest.raises(RunMoved):
        join(world, active, line, interrupts=True)
    assert not world.get(unseen).cancel_requested
    join(world, active, ThreadLine(active.id, (unseen.id,)), interrupts=True)
    assert [world.get(run).cancel_requested for run in (active, unseen)] == [True, True]


def test_a_line_that_filled_up_since_it_was_seen_takes_nobody(
    world: World, active: RunRecord
) -> None:
    line = ThreadLine(active.id)
    for _ in range(MAX_WAITING):
        join(world, active, line)
    with pytest.raises(RunMoved):
        join(world, active, line)
    with pytest.raises(LineFull):
        join(world, active, ThreadLine(active.id, ("run_other",) * MAX_WAITING))


def test_an_end_that_has_not_seen_who_waits_is_refused_and_told(
    world: World, active: RunRecord
) -> None:
    waiting = [join(world, active, ThreadLine(active.id)).id for _ in range(2)]
    with pytest.raises(LineMoved) as moved:
        world.runner.runs.apply(cancel(active))
    assert moved.value.line == ThreadLine(active.id, tuple(waiting))
    assert world.get(active) == active, "nothing was written"
    # Nor is the thread handed to another than the first.
    with pytest.raises(LineMoved):
        world.runner.runs.apply(cancel(active, waiting[::-1]))
    world.runner.runs.apply(cancel(active, waiting))
    assert world.runner.threads.active_run(TENANT, active.thread_id) == waiting[0]


def test_a_place_that_has_moved_is_told_and_a_turn_that_has_come_is_a_move(
    world: World, active: RunRecord
) -> None:
    first, second, third = (join(world, active, ThreadLine(active.id)) for _ in range(3))
    seen = [first.id, second.id, third.id]
    world.runner.runs.apply(cancel(first, seen))
    with pytest.raises(LineMoved) as moved:
        world.runner.runs.apply(cancel(third, seen))
    assert moved.value.line.waiting == (second.id, third.id)
    world.runner.runs.apply(cancel(active, [second.id, third.id]))
    assert world.get(second).phase is RunPhase.READY
    with pytest.raises(RunMoved):
        world.runner.runs.apply(cancel(second, [second.id, third.id]))
    with pytest.raises(RunMoved):
        world.runner.runs.apply(cancel(second))
