"""Deletes in the background what was marked, and what has outlived its time to live.

Each job is carried out for a few seconds and then sends for itself again, so that a thread of any
size is deleted without holding up the checks of runs. Nothing is remembered between two jobs but
what is still there: a job that comes twice, or after all is done, does no harm.
"""

import time
from contextlib import suppress
from typing import Final

from adapters.dynamodb.errors import RunMoved, ThreadBusy, ThreadMissing
from core.jobs import DeleteThreadJob, FileTtlJob, RunTtlJob, ThreadTtlJob
from core.lifetimes import run_rest_seconds, thread_rest_seconds
from core.run_machine import Trigger
from runner.supervision import end
from wiring.bootstrap import TimersContext
from wiring.telemetry import count, log_run, log_thread, logger

# How long a job may take, so that the next one has its turn.
SLICE_SECONDS: Final = 5.0
# A worker that is asked to let go of a run looks for that every second.
CANCEL_SECONDS: Final = 3


class Slice:
    """The time that one job has.

    Args:
        ends: when the whole invocation must end its work, by the monotonic clock.
    """

    def __init__(self, ends: float) -> None:
        self._ends = min(ends, time.monotonic() + SLICE_SECONDS)

    def is_over(self) -> bool:
        """Tell whether the job shall stop and leave the rest to the next one."""
        return time.monotonic() >= self._ends


def delete_thread(context: TimersContext, job: DeleteThreadJob, given: Slice) -> None:
    """Delete a marked thread with all that hangs on it, as far as the time suffices.

    The runs of its line are cancelled first, those that wait before the one that is active: so
    none of them has its turn.
    """
    log_thread(job.tenant, job.thread_id)
    lock = context.threads.lock(job.tenant, job.thread_id)
    if lock is None or not lock.deleted:
        return
    line = (*lock.waiting, *filter(None, (lock.active_run,)))
    if not all(_cancel(context, job, run_id) for run_id in line):
        context.queues.send_timer(job, CANCEL_SECONDS)
    elif not context.deletions.sweep_thread(job.tenant, job.thread_id, given.is_over):
        context.queues.send_timer(job, 0)
    else:
        count("ThreadsDeleted")
        logger.info("thread deleted")


def end_thread(context: TimersContext, job: ThreadTtlJob, given: Slice) -> None:
    """Delete a thread that has lain idle for its time to live; look again at one that has not."""
    lock = context.threads.lock(job.tenant, job.thread_id)
    if lock is None:
        return
    if not lock.deleted:
        rest = thread_rest_seconds(lock, now=context.clock() // 1000)
        if rest is None:
            return
        if rest > 0:
            context.queues.send_timer(job, rest)
            return
        try:
            context.deletions.mark_thread(job.tenant, job.thread_id, idle_since=lock.last_active)
        except ThreadBusy:
            # Somebody used it between the look and the mark.
            context.queues.send_timer(job, lock.ttl_seconds or 0)
            return
        except ThreadMissing:
            # A client marked it; its own job was armed before that.
            return
    delete_thread(context, DeleteThreadJob(tenant=job.tenant, thread_id=job.thread_id), given)


def end_run(context: TimersContext, job: RunTtlJob, given: Slice) -> None:
    """Delete a run that ended its time to live ago; look again at one that has not."""
    run = context.runs.get(job.tenant, job.thread_id, job.run_id)
    if run is None:
        return
    log_run(run)
    rest = run_rest_seconds(run, now=context.clock() // 1000)
    if rest is None:
        return
    if rest > 0:
        context.queues.send_timer(job, rest)
    elif not context.deletions.sweep_run(job.tenant, job.thread_id, job.run_id, given.is_over):
        context.queues.send_timer(job, 0)
    else:
        count("RunsDeleted")
        logger.info("run deleted")


def end_file(context: TimersContext, job: FileTtlJob) -> None:
    """Delete a file whose time is over; look again at one whose time is not."""
    rest = job.expires_at - context.clock() // 1000
    if rest > 0:
        context.queues.send_timer(job, rest)
    else:
        context.files.delete(job.tenant, job.file_id)


def _cancel(context: TimersContext, job: DeleteThreadJob, run_id: str) -> bool:
    """Cancel a run of a thread's line, or tell its worker to; tell whether it has ended."""
    run = context.runs.get(job.tenant, job.thread_id, run_id)
    if run is None or run.ended:
        return True
    log_run(run)
    if not run.is_leased(context.clock()):
        return end(context, run, Trigger.CANCELLED) is not None
    if not run.cancel_requested:
        with suppress(RunMoved):
            context.leases.request_cancel(run)
    return False
