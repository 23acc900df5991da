"""One step of a run: claim, stream, plan, commit, dispatch."""

import math
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from adapters.dynamodb.errors import CancelRequested, LeaseLost, RunMoved
from core.changes import Change
from core.endings import EndTrigger, claim, end_unasked, rest
from core.jobs import CheckJob, StepJob
from core.model import ModelFailure
from core.records import RunPhase, RunRecord
from core.run_machine import Trigger
from core.schema.runs import RunError
from core.step_planner import plan
from core.thread_line import place_messages
from core.turn_assembler import Turn, TurnAssembler
from core.turn_commit import abort_turn, cancel_instead, commit_turn
from runner.prompt import Prompt, load_prompt
from runner.supervision import dispatch, end
from runner.turn import Cancelled, Expired, Held, OutOfTime, TurnStreamer
from wiring.bootstrap import RunnerContext
from wiring.telemetry import count, duration, log_failure, log_run, logger

# A step that was claimed this often without being committed is not tried again.
MAX_ATTEMPTS: Final = 5
# How long a run rests whose model cannot be asked now, unless the model says how long it wants.
_FIRST_REST_SECONDS: Final = 5.0
# A run that would have to rest for longer fails: whoever waits for it can decide better.
LONGEST_REST_SECONDS: Final = 300.0


class Outcome(StrEnum):
    """What became of a step's message."""

    DONE = "done"
    NOTHING_TO_DO = "nothing_to_do"
    TRY_AGAIN = "try_again"  # the attempt broke off; the same message shall come back soon


@dataclass(frozen=True, slots=True)
class Invocation:
    """Who works, and until when.

    Attributes:
        owner: names the invocation in the lease.
        deadline_ms: when it must have handed over, in milliseconds since the epoch.
    """

    owner: str
    deadline_ms: int


def run_step(context: RunnerContext, job: StepJob, invocation: Invocation) -> Outcome:
    """Carry out a step, if it is still to be done.

    A message for a step that is committed only repeats what follows it. A run that another worker
    holds is left to it, and to the check that watches over it.
    """
    run = context.runs.get(job.tenant, job.thread_id, job.run_id)
    if run is None or run.ended:
        return Outcome.NOTHING_TO_DO
    log_run(run)
    now_ms = context.clock()
    if run.is_leased(now_ms):
        return Outcome.NOTHING_TO_DO
    if run.step_no > job.step_no:
        dispatch(context, run)
        return Outcome.DONE
    if run.phase is not RunPhase.READY or run.step_no < job.step_no:
        return Outcome.NOTHING_TO_DO
    if _end_overdue(context, run, now_ms):
        return Outcome.DONE
    if now_ms < run.not_before_ms:
        # This message came early: another one waits out the rest.
        dispatch(context, run)
        return Outcome.DONE
    held = _claim(context, run, invocation)
    if held is None:
        return Outcome.NOTHING_TO_DO
    log_run(held.run)
    return _carry_out(context, held, invocation)


def _end_overdue(context: RunnerContext, run: RunRecord, now_ms: int) -> bool:
    if run.cancel_requested:
        end(context, run, Trigger.CANCELLED)
        return True
    if now_ms >= run.expires_at * 1000:
        end(context, run, Trigger.EXPIRE)
        return True
    if run.attempts >= MAX_ATTEMPTS:
        message = f"The step was interrupted {run.attempts} times and is not tried again."
        end(context, run, Trigger.FAIL, RunError(code="server_error", message=message))
        return True
    return False


def _claim(context: RunnerContext, run: RunRecord, invocation: Invocation) -> Held | None:
    """Take the run; the check that watches over this claim is armed first."""
    lease_seconds = context.settings.lease_seconds
    check = CheckJob(tenant=run.tenant, thread_id=run.thread_id, run_id=run.id, watch=run.watch + 1)
    context.queues.send_check(check, lease_seconds + 1)
    left = context.runs.open_records(run)
    now_ms = context.clock()
    change = claim(
        run,
        owner=invocation.owner,
        lease_until_ms=now_ms + lease_seconds * 1000,
        message=left.message,
        step=left.step,
        now=now_ms // 1000,
    )
    change = place_messages(change, context.ids.new, now=now_ms // 1000)
    try:
        return Held(*context.writer.claim(left.close(change)))
    except RunMoved:
        return None


def _carry_out(context: RunnerContext, held: Held, invocation: Invocation) -> Outcome:
    started = time.monotonic()
    try:
        change = _turn_change(context, held, invocation)
        if change is None:
            return _hand_over(context, held)
        run = _commit(context, held, change)
    except LeaseLost:
        logger.info("lease lost; another worker has the run")
        count("LeasesLost")
        return Outcome.NOTHING_TO_DO
    except Exception as error:
        log_failure("the attempt failed; the step is tried again", error)
        return _hand_over(context, held)
    duration("StepTime", (time.monotonic() - started) * 1000)
    _report(run, held.run)
    if not run.ended:
        dispatch(context, run)
    return Outcome.DONE


def _turn_change(context: RunnerContext, held: Held, invocation: Invocation) -> Change | None:
    """Stream the turn and return the change that ends it; None if the attempt broke off."""
    prompt = load_prompt(context, held.run)
    if prompt is None:
        return end_unasked(held.run, now=context.clock() // 1000)
    assembler = TurnAssembler(
        held.run,
        context.ids.new,
        lambda: context.clock() // 1000,
        prompt.toolbox.type_of,
    )
    streamer = TurnStreamer(context, held, assembler, invocation.deadline_ms, time.monotonic)
    error: RunError | None = None
    trigger: EndTrigger
    try:
        turn = streamer.stream(prompt.request)
    except (Cancelled, CancelRequested):
        trigger = Trigger.CANCELLED
    except Expired:
        trigger = Trigger.EXPIRE
    except OutOfTime:
        logger.warning("the function's time ends; the step is handed over")
        return None
    except ModelFailure as failure:
        logger.warning("model failed", extra={"reason": failure.message})
        count("ModelFailures")
        if failure.retryable and held.run.attempts < MAX_ATTEMPTS:
            if assembler.started:
                # What was said already cannot be taken up again: the step begins anew.
                return None
            until_ms = _rest_until(held.run, failure, context.clock())
            if until_ms is not None:
                count("Rests")
                return rest(held.run, until_ms=until_ms)
        trigger, error = Trigger.FAIL, RunError(code=failure.code, message=failure.message)
    else:
        return _planned(context, held, assembler, turn, prompt)
    now = context.clock() // 1000
    return abort_turn(held.run, assembler, trigger, now=now, error=error)


def _rest_until(run: RunRecord, failure: ModelFailure, now_ms: int) -> int | None:
    """Return when a model that fails for now is asked again, in ms; None if that is too late."""
    backoff = _FIRST_REST_SECONDS * 2 ** (run.attempts - 1)
    seconds = failure.retry_after if failure.retry_after is not None else backoff
    until_ms = now_ms + math.ceil(seconds) * 1000
    too_late = seconds > LONGEST_REST_SECONDS or until_ms >= run.expires_at * 1000
    return None if too_late else until_ms


def _planned(
    context: RunnerContext, held: Held, assembler: TurnAssembler, turn: Turn, prompt: Prompt
) -> Change:
    next_step = plan(
        turn,
        prompt.toolbox,
        bad_calls=held.run.bad_calls,
        calls_allowed=prompt.calls_allowed,
    )
    model, now = held.run.config.model, context.clock() // 1000
    rate = context.token_rates.learn(model, prompt.estimated, turn.usage)
    return commit_turn(
        held.run, assembler, turn, next_step, prompt.toolbox, now=now, token_rate=rate
    )


def _commit(context: RunnerContext, held: Held, change: Change) -> RunRecord:
    try:
        return context.writer.commit(change, held.cursor, release=True)
    except CancelRequested:
        cancelled = cancel_instead(change, now=context.clock() // 1000)
        return context.writer.commit(cancelled, held.cursor, release=True)


def _hand_over(context: RunnerContext, held: Held) -> Outcome:
    """Let go of the run, so that the next attempt need not wait for the lease to end."""
    count("StepsInterrupted")
    with suppress(LeaseLost):
        context.leases.renew(held.run, context.clock() - 1)
    return Outcome.TRY_AGAIN


def _report(run: RunRecord, before: RunRecord) -> None:
    if run.step_no == before.step_no and not run.ended:
        logger.info("the run rests", extra={"until": run.not_before_ms // 1000})
        return
    count("Steps")
    if run.ended:
        count("RunsFailed" if run.status == "failed" else "RunsEnded")
    logger.info(
        "step committed",
        extra={"status": run.status, "phase": run.phase.value, "usage": run.usage.model_dump()},
    )
