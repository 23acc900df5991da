"""What every change of a run by the API needs: a check, another try, and no failing too late."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from adapters.dynamodb.errors import RunMoved, StoreUnavailable
from core.dispatch import FIRST_CHECK_SECONDS
from core.endings import end_run
from core.jobs import CheckJob, RunTtlJob
from core.records import RunRecord
from core.run_machine import Trigger
from wiring.bootstrap import ClientContext
from wiring.telemetry import log_failure

T = TypeVar("T")
_ATTEMPTS = 6
_FIRST_PAUSE_SECONDS = 0.02


def retry_if_moved(decide: Callable[[], T]) -> T:
    """Read, decide and write; if somebody moved the run in between, do it again.

    Args:
        decide: reads the run and writes what follows from that.

    Raises:
        StoreUnavailable: the run moved each time; nothing was changed.
    """
    pause = _FIRST_PAUSE_SECONDS
    for attempt in range(_ATTEMPTS):
        try:
            return decide()
        except RunMoved:
            if attempt < _ATTEMPTS - 1:
                time.sleep(pause * (0.5 + random.random()))
                pause *= 2
    raise StoreUnavailable("The run moved each time that it was to be changed.")


def after_commit(message: str, action: Callable[[], None]) -> None:
    """Carry out what follows a committed change; if that fails, log it as `message`.

    The change is made and the client must be told so; the run's delayed check finds a run that
    stands still, and does what was not done.
    """
    try:
        action()
    except Exception as error:
        log_failure(message, error)


def send_check(context: ClientContext, run: RunRecord, watch: int) -> None:
    """Have a run looked at when a change of it must be through.

    Args:
        context: the API's parts.
        run: the run.
        watch: the number that the run will then have.
    """
    job = CheckJob(tenant=run.tenant, thread_id=run.thread_id, run_id=run.id, watch=watch)
    context.queues.send_check(job, FIRST_CHECK_SECONDS)


def arm(context: ClientContext, run: RunRecord) -> None:
    """Have a run that is about to be created looked at: whether it moves, and whether it is over.

    It comes before the run is stored: whatever dies after that, nobody forgets it.
    """
    send_check(context, run, run.watch)
    if run.ttl_seconds is not None:
        job = RunTtlJob(tenant=run.tenant, thread_id=run.thread_id, run_id=run.id)
        context.queues.send_timer(job, run.ttl_seconds)


def end_cancelled(context: ClientContext, run: RunRecord) -> RunRecord:
    """Cancel a run that nobody works on; return it as it ended.

    Raises:
        RunMoved: somebody moved it since it was read, or works on it.
    """
    left = context.runs.open_records(run)
    now = context.clock() // 1000
    change = end_run(run, Trigger.CANCELLED, message=left.message, step=left.step, now=now)
    return context.writer.apply(left.close(change))
