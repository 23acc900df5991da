"""Logs, metrics and traces (Powertools). A message's content is in none of them."""

import traceback

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from core.records import RunRecord

logger = Logger()
metrics = Metrics(namespace="ThreadRunner")
tracer = Tracer()

COUNT = MetricUnit.Count
MILLISECONDS = MetricUnit.Milliseconds


def log_run(run: RunRecord) -> None:
    """Have every further log line of this invocation say which run it is about."""
    logger.append_keys(
        tenant=run.tenant,
        thread_id=run.thread_id,
        run_id=run.id,
        step_no=run.step_no,
        epoch=run.epoch,
    )


def log_thread(tenant: str, thread_id: str) -> None:
    """Have every further log line say which thread it is about, and no run of an earlier job."""
    logger.remove_keys(("run_id", "step_no", "epoch"))
    logger.append_keys(tenant=tenant, thread_id=thread_id)


def count(name: str, value: float = 1) -> None:
    """Add to a counter."""
    metrics.add_metric(name=name, unit=COUNT, value=value)


def duration(name: str, milliseconds: float) -> None:
    """Record how long something took."""
    metrics.add_metric(name=name, unit=MILLISECONDS, value=milliseconds)


def log_failure(message: str, error: BaseException) -> None:
    """Log an unexpected error: its type and where it came from, not its text.

    The text may quote what the code was working on: a message, arguments, a key.
    """
    frames = [
        f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-8:]
    ]
    known = {"error": type(error).__name__, "aws_code": aws_code(error), "at": frames}
    logger.error(message, extra=known)


def aws_code(error: BaseException) -> str | None:
    """Return the code of an error that an AWS service answered with; None for any other."""
    response = getattr(error, "response", None)
    return response.get("Error", {}).get("Code") if isinstance(response, dict) else None
