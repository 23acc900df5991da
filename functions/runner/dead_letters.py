"""The dead-letter queue's consumer: a step that cannot be carried out fails its run in the open."""

from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from core.jobs import StepJob
from core.records import RunPhase
from core.run_machine import Trigger
from core.schema.runs import RunError
from runner.consumer import consume
from runner.supervision import end
from wiring.bootstrap import SupervisorContext, supervisor_context
from wiring.telemetry import count, log_failure, log_run, logger, metrics, tracer

DRAIN_SECONDS: Final = 5.0
_ERROR: Final = RunError(
    code="server_error",
    message="The run's step could not be carried out, although it was tried several times.",
)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], lambda_context: LambdaContext) -> dict[str, Any]:
    """Fail the runs of an SQS event's dead letters.

    Returns:
        The messages that shall come back (`batchItemFailures`).
    """
    context = supervisor_context()
    return consume(
        context,
        event,
        lambda record: handle_record(context, record),
        drain_seconds=DRAIN_SECONDS,
    )


def handle_record(context: SupervisorContext, record: dict[str, Any]) -> bool:
    """Fail the run of one dead letter; tell whether it is done with."""
    count("DeadLetters")
    try:
        job = StepJob.model_validate_json(record["body"])
    except ValidationError:
        # Not a step's message, so no run waits for it; its id helps to find who sent it.
        logger.error("unreadable dead letter", extra={"message_id": record["messageId"]})
        return True
    try:
        bury(context, job)
    except Exception as error:
        log_failure("dead letter failed", error)
        return False
    return True


def bury(context: SupervisorContext, job: StepJob) -> None:
    """Fail the run, unless it has moved on without this message."""
    run = context.runs.get(job.tenant, job.thread_id, job.run_id)
    if run is None or run.ended:
        return
    log_run(run)
    now_ms = context.clock()
    moved_on = run.step_no != job.step_no or run.phase is not RunPhase.READY
    if not moved_on and not run.is_leased(now_ms) and now_ms >= run.not_before_ms:
        end(context, run, Trigger.FAIL, _ERROR)
