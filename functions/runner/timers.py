"""The timers queue's consumer: is this run still moving? And what is to be deleted?

A run has one responsible check, whose number it carries (`watch`). The check re-arms itself until
the run has ended. Whoever changes what the run waits for arms a check with the next number first,
and makes it the responsible one in the same write as its change.
"""

import time
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from core.dispatch import next_look_seconds, step_job
from core.jobs import (
    TIMER_JOB,
    CallJob,
    CheckJob,
    DeleteThreadJob,
    FileTtlJob,
    RunTtlJob,
    ThreadTtlJob,
    TimerJob,
)
from core.records import CallState, RunPhase, RunRecord
from core.run_machine import Trigger
from runner.consumer import consume
from runner.deletion import Slice, delete_thread, end_file, end_run, end_thread
from runner.supervision import dispatch, end
from wiring.bootstrap import SupervisorContext, TimersContext, timers_context
from wiring.telemetry import count, log_failure, log_run, logger, metrics, tracer

DRAIN_SECONDS: Final = 5.0
# Deletions stop this long before Lambda ends the function.
HAND_OVER_SECONDS: Final = DRAIN_SECONDS + 6.0
_UNANSWERED: Final = "The tool did not answer in time. It may or may not have acted."


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], lambda_context: LambdaContext) -> dict[str, Any]:
    """Carry out the jobs of an SQS event, the checks first: they are quick, and runs wait for them.

    Returns:
        The messages that shall come back (`batchItemFailures`).
    """
    context = timers_context()
    ends = time.monotonic() + lambda_context.get_remaining_time_in_millis() / 1000
    return consume(
        context,
        {"Records": sorted(event["Records"], key=_is_other_than_check)},
        lambda record: handle_record(context, record, ends - HAND_OVER_SECONDS),
        drain_seconds=DRAIN_SECONDS,
    )


def handle_record(context: TimersContext, record: dict[str, Any], ends: float) -> bool:
    """Carry out one job; tell whether it is done with.

    Args:
        context: the timers' parts.
        record: the job's message.
        ends: when deletions must stop, by the monotonic clock.
    """
    count("Timers")
    try:
        carry_out(context, TIMER_JOB.validate_json(record["body"]), ends)
    except Exception as error:
        log_failure("timer failed", error)
        return False
    return True


def carry_out(context: TimersContext, job: TimerJob, ends: float) -> None:
    """Carry out a job; `ends` is as for `handle_record`."""
    match job:
        case CheckJob():
            count("Checks")
            check(context, job)
        case DeleteThreadJob():
            delete_thread(context, job, Slice(ends))
        case ThreadTtlJob():
            end_thread(context, job, Slice(ends))
        case RunTtlJob():
            end_run(context, job, Slice(ends))
        case FileTtlJob():
            end_file(context, job)


def _is_other_than_check(record: dict[str, Any]) -> bool:
    try:
        return not isinstance(TIMER_JOB.validate_json(record["body"]), CheckJob)
    except ValueError:
        return True


def check(context: SupervisorContext, job: CheckJob) -> None:
    """Look at a run, and move it on if it stands still.

    The next look is armed before anything is done: whoever dies in here is followed.
    """
    run = context.runs.get(job.tenant, job.thread_id, job.run_id)
    if run is None or run.ended or job.watch < run.watch:
        return
    log_run(run)
    now_ms = context.clock()
    # A check whose number the run does not carry yet was armed for a write that is still to come,
    # or never will: it only keeps itself alive.
    context.queues.send_check(job, next_look_seconds(run, job, now_ms=now_ms))
    if job.watch == run.watch and not run.is_leased(now_ms):
        _move_on(context, run, now_ms)


def _move_on(context: SupervisorContext, run: RunRecord, now_ms: int) -> None:
    if run.cancel_requested:
        end(context, run, Trigger.CANCELLED)
    elif now_ms >= run.expires_at * 1000:
        end(context, run, Trigger.EXPIRE)
    elif run.phase is RunPhase.READY and now_ms >= run.not_before_ms:
        logger.warning("the run stood still; its step is sent for again")
        count("RunsRedriven")
        dispatch(context, run)
    elif run.phase is RunPhase.TOOLS:
        if now_ms >= run.tools_deadline_ms:
            _settle(context, run)
        else:
            dispatch(context, run)


def _settle(context: SupervisorContext, run: RunRecord) -> None:
    """Answer the calls whose worker or state machine is gone with what is known, and go on."""
    logger.warning("the tool phase is over its time; its open calls are answered with an error")
    count("ToolPhasesSettled")
    if run.open_step is None:
        return
    settled: RunRecord | None = None
    for call in context.calls.of_step(run, run.open_step):
        if call.state is not CallState.DONE:
            job = CallJob(
                tenant=run.tenant,
                thread_id=run.thread_id,
                run_id=run.id,
                step_id=call.step_id,
                call_id=call.call_id,
            )
            settled = context.writer.settle_call(job, _UNANSWERED) or settled
    if settled is not None and settled.phase is RunPhase.READY:
        context.queues.send_step(step_job(settled))
