"""The line at a thread: one run holds it, and others wait for it in the order of their coming."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.changes import Change
from core.jobs import CheckJob, StepJob
from core.records import HeldMessages, RunPhase, RunRecord
from core.schema.messages import Message

# How many runs may wait for a thread. An interrupt is to empty the line, so it still finds room in
# one that is full.
MAX_WAITING: Final = 20
MAX_WAITING_INTERRUPTS: Final = 40
# A run is created with the number 1; nothing but its turn changes that while it waits.
TURN_WATCH: Final = 2


def waiting_run(run: RunRecord, messages: Sequence[Message]) -> RunRecord:
    """Return a new run as it waits for its thread.

    Args:
        run: the new run.
        messages: what its request adds to the thread. The run before it still reads the thread, so
            they are kept with the run until it is claimed.
    """
    held = HeldMessages(messages=list(messages)) if messages else None
    return run.model_copy(update={"phase": RunPhase.WAITING, "held_messages": held})


def place_messages(change: Change, new_id: Callable[[str], str], *, now: int) -> Change:
    """Return a claim that also puts what the run held back into the thread.

    Args:
        change: the claim.
        new_id: makes ids. A thread is read in the order of its messages' ids: those that were made
            with the run would stand before what was said while it waited.
        now: unix seconds.
    """
    held = change.before.held_messages
    if held is None:
        return change
    placed = (
        message.model_copy(update={"id": new_id("msg"), "created_at": now})
        for message in held.messages
    )
    return replace(
        change,
        after=change.after.model_copy(update={"held_messages": None}),
        messages=(*change.messages, *placed),
    )


@dataclass(frozen=True, slots=True)
class Turn:
    """A run's turn on its thread: what is sent around the write that gives it the thread.

    Attributes:
        check: is armed before, and becomes the run's responsible one by the write.
        step: is sent after it.
    """

    check: CheckJob
    step: StepJob


def next_turn(change: Change) -> Turn | None:
    """Return whose turn comes by a change; None if it hands the thread to nobody."""
    if change.successor is None:
        return None
    run = change.before
    check = CheckJob(
        tenant=run.tenant, thread_id=run.thread_id, run_id=change.successor, watch=TURN_WATCH
    )
    step = StepJob(tenant=run.tenant, thread_id=run.thread_id, run_id=change.successor, step_no=0)
    return Turn(check, step)
