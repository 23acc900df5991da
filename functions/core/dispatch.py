"""What must be sent for a run to move on: the outbox, read off the run itself.

It is done after every commit, and again whenever somebody finds the run standing still; doing it
twice changes nothing, because a step is claimed once and a call is claimed once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.jobs import CallRef, CheckJob, StepJob, ToolPhase
from core.records import CallRecord, CallState, RunPhase, RunRecord

# Checks that are armed before the API's transaction must not fire before it: their delay exceeds
# the API function's timeout (29 s).
FIRST_CHECK_SECONDS = 35
_MARGIN_SECONDS = 1


@dataclass(frozen=True, slots=True)
class EnqueueStep:
    """Send the next step's message."""

    job: StepJob


@dataclass(frozen=True, slots=True)
class StartTools:
    """Start the state machine for the calls that have no output yet."""

    phase: ToolPhase

    @property
    def name(self) -> str:
        """The execution's name: the same for every start of this phase."""
        return f"{self.phase.run_id}-{self.phase.step_no}"


Dispatch = EnqueueStep | StartTools | None


def step_job(run: RunRecord) -> StepJob:
    """Return the message that asks for a run's current step."""
    return StepJob(tenant=run.tenant, thread_id=run.thread_id, run_id=run.id, step_no=run.step_no)


def dispatch_of(run: RunRecord, calls: Sequence[CallRecord]) -> Dispatch:
    """Return what must be sent for a run to move on.

    Args:
        run: the run; nobody works on it.
        calls: the internal calls of its open step, if it is in its tool phase.
    """
    if run.phase is RunPhase.READY:
        return EnqueueStep(step_job(run))
    if run.phase is RunPhase.TOOLS and run.open_step is not None:
        unfinished = [
            CallRef(call_id=call.call_id, timeout_seconds=call.timeout_seconds)
            for call in calls
            if call.state is not CallState.DONE
        ]
        return StartTools(
            ToolPhase(
                tenant=run.tenant,
                thread_id=run.thread_id,
                run_id=run.id,
                step_no=run.step_no,
                step_id=run.open_step,
                calls=unfinished,
                next_step=step_job(run).model_dump_json(),
            )
        )
    return None


def rest_seconds(run: RunRecord, *, now_ms: int) -> int:
    """Return how long a run's step is to wait yet, in whole seconds, 0 if it is not."""
    return max(0, -(-(run.not_before_ms - now_ms) // 1000))


def next_check_seconds(run: RunRecord, *, now_ms: int) -> int:
    """Return when to look at a run again, in whole seconds from now, at least 1.

    A lease that is not renewed has ended by then; a tool phase is over; a run that waits for its
    client, or for the runs before it, has expired, which may take weeks; a step that was just sent
    for, or whose rest is over, has been claimed.
    """
    if run.is_leased(now_ms):
        due_ms = run.lease_until_ms
    elif run.phase is RunPhase.TOOLS:
        due_ms = run.tools_deadline_ms
    elif run.phase is RunPhase.READY:
        due_ms = max(now_ms, run.not_before_ms) + FIRST_CHECK_SECONDS * 1000
    else:
        due_ms = run.expires_at * 1000
    due_ms = min(due_ms, run.expires_at * 1000)
    if due_ms <= now_ms:
        # Past due and still here: whatever was done about it needs a moment.
        return FIRST_CHECK_SECONDS
    return -(-(due_ms - now_ms) // 1000) + _MARGIN_SECONDS


def next_look_seconds(run: RunRecord, check: CheckJob, *, now_ms: int) -> int:
    """Return when a check of a run shall come due again, in whole seconds from now, at least 1.

    One that was armed for a waiting run's turn comes again soon: the turn may come any moment, and
    then nobody else may know.
    """
    if run.phase is RunPhase.WAITING and check.watch > run.watch:
        return FIRST_CHECK_SECONDS
    return next_check_seconds(run, now_ms=now_ms)
