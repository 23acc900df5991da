"""Moving runs on and ending them, for whoever finds them: the runner, timers, dead letters."""

from adapters.dynamodb.errors import RunMoved
from core.dispatch import EnqueueStep, StartTools, dispatch_of, rest_seconds
from core.endings import EndTrigger, end_run
from core.records import RunPhase, RunRecord
from core.schema.runs import RunError
from wiring.bootstrap import SupervisorContext
from wiring.telemetry import count, logger


def dispatch(context: SupervisorContext, run: RunRecord) -> None:
    """Send what a run needs to move on; doing it again does no harm."""
    calls = (
        context.calls.of_step(run, run.open_step)
        if run.phase is RunPhase.TOOLS and run.open_step is not None
        else ()
    )
    following = dispatch_of(run, calls)
    if isinstance(following, EnqueueStep):
        delay = rest_seconds(run, now_ms=context.clock())
        context.queues.send_step(following.job, delay)
    elif isinstance(following, StartTools):
        context.machine.start(following)


def end(
    context: SupervisorContext,
    run: RunRecord,
    trigger: EndTrigger,
    error: RunError | None = None,
) -> RunRecord | None:
    """End a run that nobody works on, in the open.

    Returns:
        The run as it ended; None if somebody moved it meanwhile, so that it is theirs.
    """
    left = context.runs.open_records(run)
    now = context.clock() // 1000
    change = end_run(run, trigger, message=left.message, step=left.step, now=now, error=error)
    try:
        ended = context.writer.apply(left.close(change))
    except RunMoved:
        return None
    count("RunsEnded" if error is None else "RunsFailed")
    logger.info("run ended", extra={"status": ended.status})
    return ended
