"""The steps queue's consumer: one message, one step."""

from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from core.jobs import StepJob
from runner.consumer import consume
from runner.step import Invocation, Outcome, run_step
from wiring.bootstrap import RunnerContext, runner_context
from wiring.telemetry import count, duration, log_failure, logger, metrics, tracer

# The function lets go of its run this long before Lambda ends it.
HAND_OVER_MS: Final = 20_000
DRAIN_SECONDS: Final = 10.0
_FIRST_PAUSE_SECONDS: Final = 1
_LONGEST_PAUSE_SECONDS: Final = 60


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], lambda_context: LambdaContext) -> dict[str, Any]:
    """Carry out the steps that an SQS event asks for.

    Returns:
        The messages that shall come back (`batchItemFailures`).
    """
    context = runner_context()
    return consume(
        context,
        event,
        lambda record: handle_record(context, record, lambda_context),
        drain_seconds=DRAIN_SECONDS,
    )


def handle_record(
    context: RunnerContext, record: dict[str, Any], lambda_context: LambdaContext
) -> bool:
    """Carry out one message; tell whether it is done with.

    A message that shall come back does so after a pause that grows with its deliveries, not after
    the queue's visibility timeout, which outlasts the longest step.
    """
    attributes = record["attributes"]
    deliveries = int(attributes["ApproximateReceiveCount"])
    sent_ms = int(attributes["SentTimestamp"])
    duration("QueueAge", max(0, context.clock() - sent_ms))
    try:
        job = StepJob.model_validate_json(record["body"])
        invocation = Invocation(
            owner=f"{lambda_context.aws_request_id}/{deliveries}",
            deadline_ms=context.clock()
            + lambda_context.get_remaining_time_in_millis()
            - HAND_OVER_MS,
        )
        outcome = run_step(context, job, invocation)
    except Exception as error:
        log_failure("step failed", error)
        count("StepsFailed")
        outcome = Outcome.TRY_AGAIN
    if outcome is not Outcome.TRY_AGAIN:
        return True
    pause = min(_FIRST_PAUSE_SECONDS * 2 ** (deliveries - 1), _LONGEST_PAUSE_SECONDS)
    context.queues.return_step(record["receiptHandle"], pause)
    return False
