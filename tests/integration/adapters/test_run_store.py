"""Races for a run that are decided by one conditional write."""

from typing import Any

import pytest

from adapters.dynamodb.errors import LeaseLost, RunMoved
from core.changes import Change
from core.endings import claim
from core.event_log import Cursor
from core.model import ModelChunk
from core.records import RunRecord
from core.run_machine import Trigger
from core.step_planner import Toolbox, plan
from core.turn_assembler import Draft, TurnAssembler
from core.turn_commit import commit_turn
from runner.supervision import end
from tests.support.model import call, text
from tests.support.world import TENANT, World, function_tool

LEASE_SECONDS = 30


class Worker:
    """A worker that holds a run, and whose steps a test takes one by one."""

    def __init__(self, world: World, owner: str) -> None:
        self.world = world
        self.owner = owner
        self.run: RunRecord
        self.cursor: Cursor
        self.assembler: TurnAssembler

    def read(self, run: RunRecord) -> RunRecord:
        """Read the run, as a worker does before it decides."""
        return self.world.get(run)

    def take(self, run: RunRecord) -> None:
        """Claim a run as it was read."""
        left = self.world.runner.runs.open_records(run)
        self.take_with(run, left)

    def take_with(self, run: RunRecord, left: Any) -> None:
        """Claim a run as it was read, with what it was seen to have left open."""
        now_ms = self.world.clock()
        change = claim(
            run,
            owner=self.owner,
            lease_until_ms=now_ms + LEASE_SECONDS * 1000,
            message=left.message,
            step=left.step,
            now=now_ms // 1000,
        )
        self.run, _, self.cursor = self.world.runner.runs.claim(left.close(change))
        self.assembler = TurnAssembler(
            self.run, self.world.runner.ids.new, lambda: now_ms // 1000, lambda name: "function"
        )

    def hear(self, *chunks: ModelChunk) -> None:
        """Take chunks of the model and write them, as the runner's flush does."""
        for chunk in chunks:
            self.assembler.push(chunk)
        draft: Draft = self.assembler.take()
        if draft.messages or draft.steps:
            after = self.run.model_copy(
                update={"open_step": draft.open_step, "open_message": draft.open_message}
            )
            change = Change(self.run, after, draft.events, draft.messages, draft.steps)
            self.run = self.world.runner.runs.commit(change, self.cursor, release=False)
            return
        batch = self.cursor.batch(draft.events)
        self.world.runner.event_log.append(TENANT, self.run.id, batch)
        self.cursor.advance(batch)

    def commit(self) -> RunRecord:
        """End the turn."""
        toolbox = Toolbox(frozenset({"ask"}), {})
        turn = self.assembler.finish()
        following = plan(turn, toolbox, bad_calls=0, calls_allowed=True)
        now = self.world.clock() // 1000
        change = commit_turn(self.run, self.assembler, turn, following, toolbox, now=now)
        return self.world.runner.runs.commit(change, self.cursor, release=True)


@pytest.fixture
def run(world: World) -> RunRecord:
    """A queued run."""
    return world.create_run(world.thread("Hi"), tools=[function_tool("ask")])


@pytest.fixture
def slow(world: World, run: RunRecord) -> Worker:
    """A worker that holds the run, whose lease is over, and who does not know it."""
    worker = Worker(world, "slow")
    worker.take(worker.read(run))
    world.clock.advance(LEASE_SECONDS + 1)
    return worker


@pytest.mark.fault("message-same-moment")
def test_a_claim_from_before_a_late_commit_is_refused(
    world: World, run: RunRecord, slow: Worker
) -> None:
    quick = Worker(world, "quick")
    seen = quick.read(run)
    slow.hear(*call("ask", "{}", "call_1"))
    committed = slow.commit()
    assert committed.status == "requires_action"

    with pytest.raises(RunMoved):
        quick.take(seen)

    assert world.get(run) == committed


def test_an_ending_from_before_a_late_commit_is_refused(
    world: World, run: RunRecord, slow: Worker
) -> None:
    seen = world.get(run)
    slow.hear(*call("ask", "{}", "call_1"))
    committed = slow.commit()

    assert end(world.runner, seen, Trigger.EXPIRE) is None

    assert world.get(run) == committed


def test_a_claim_that_saw_nothing_open_is_refused_once_a_message_is_open(
    world: World, run: RunRecord, slow: Worker
) -> None:
    quick = Worker(world, "quick")
    seen = quick.read(run)
    slow.hear(*text("Late."))

    with pytest.raises(RunMoved):
        quick.take(seen)

    quick.take(quick.read(run))
    assert "message.incomplete" in world.names(run)


@pytest.mark.fault("zombie")
def test_a_claim_leaves_the_slow_worker_nothing_to_commit(
    world: World, run: RunRecord, slow: Worker
) -> None:
    quick = Worker(world, "quick")
    quick.take(quick.read(run))
    with pytest.raises(LeaseLost):
        slow.hear(*text("Too late."))
    with pytest.raises(LeaseLost):
        slow.commit()


def test_a_broken_message_ends_with_just_the_words_that_count(
    world: World, run: RunRecord, slow: Worker
) -> None:
    slow.hear(*text("Hel"))
    quick = Worker(world, "quick")
    seen = quick.read(run)
    left = world.runner.runs.open_records(seen)
    slow.hear(*text("lo"))  # between the successor's look at the log and its claim
    quick.take_with(seen, left)
    slow.hear(*text(" there"))  # after the claim

    events = [event for _, event in world.events(run)]
    deltas = "".join(
        part["text"]["value"]
        for event in events
        if event.name == "thread.message.delta"
        for part in event.data["delta"]["content"]
    )
    (broken,) = [event for event in events if event.name == "thread.message.incomplete"]
    assert broken.data["content"][0]["text"]["value"] == deltas == "Hel"
