"""When what has a time to live is to be deleted, and when to look again if it is not yet time.

A look is a message that waits in a schedule. Whoever finds a run still active looks again after as
long as it has lasted so far: the number of looks grows with the logarithm of the time, and the last
one is late by no more than what it looked at has lived.
"""

from dataclasses import dataclass

from core.records import RunRecord


@dataclass(frozen=True, slots=True)
class ThreadLock:
    """What a thread's lock says.

    Attributes:
        deleted: whether the thread is marked as deleted.
        active_run: the run that is active on it.
        waiting: the runs that wait for it.
        last_active: when something was last added to it or a run on it began or ended, in unix
            seconds.
        ttl_seconds: how long it may lie idle; None if it is kept.
    """

    deleted: bool = False
    active_run: str | None = None
    waiting: tuple[str, ...] = ()
    last_active: int = 0
    ttl_seconds: int | None = None


def thread_rest_seconds(lock: ThreadLock, *, now: int) -> int | None:
    """Return how long a thread is still to be left alone, in seconds.

    Args:
        lock: the thread's lock.
        now: unix seconds.

    Returns:
        0 if it is to be deleted; None if it has no time to live.
    """
    if lock.ttl_seconds is None:
        return None
    idle = now - lock.last_active
    if lock.active_run is not None:
        return max(lock.ttl_seconds, idle)
    return max(0, lock.ttl_seconds - idle)


def run_rest_seconds(run: RunRecord, *, now: int) -> int | None:
    """Return how long a run is still to be left alone, in seconds.

    Args:
        run: the run.
        now: unix seconds.

    Returns:
        0 if it is to be deleted; None if it has no time to live.
    """
    if run.ttl_seconds is None:
        return None
    ended_at = run.ended_at
    if ended_at is None:
        return max(run.ttl_seconds, now - run.created_at)
    return max(0, ended_at + run.ttl_seconds - now)
