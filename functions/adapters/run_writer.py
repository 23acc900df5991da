"""Write, then push: nothing reaches a client that is not in the log."""

import random
import time

from adapters.dynamodb.errors import RunMoved, StoreUnavailable
from adapters.dynamodb.runs import RunStore
from adapters.dynamodb.tool_calls import ToolCalls
from adapters.dynamodb.transactions import Receipt
from adapters.push import Pusher
from core.changes import Change
from core.clock import Clock
from core.event_log import Batch, Cursor
from core.jobs import CallJob
from core.records import CallState, RunPhase, RunRecord
from core.tool_phase import record_output

# Calls that end together race for the run's next epoch; each round lets one through.
_ANSWER_ROUNDS = 80
_LONGEST_PAUSE_SECONDS = 0.25


class RunWriter:
    """Carries out changes of runs and pushes what they announce.

    Args:
        store: where runs and their events are written.
        calls: the internal tool calls of runs.
        pusher: tells those who watch.
        clock: gives milliseconds.
    """

    def __init__(self, store: RunStore, calls: ToolCalls, pusher: Pusher, clock: Clock) -> None:
        self._store = store
        self._calls = calls
        self._pusher = pusher
        self._clock = clock

    def apply(self, change: Change, receipt: Receipt | None = None) -> RunRecord:
        """Change a run that nobody works on.

        Args:
            change: what to write.
            receipt: records the answer that tells of it.

        Raises:
            Repeated: the request was answered before.
            RunMoved: somebody moved it since it was read, or works on it.
        """
        run, batch = self._store.apply(change, receipt)
        self.publish(run, batch)
        return run

    def claim(self, change: Change) -> tuple[RunRecord, Cursor]:
        """Take a run to work on it.

        Raises:
            RunMoved: somebody moved it since it was read, or works on it.
        """
        run, batch, cursor = self._store.claim(change)
        self.publish(run, batch)
        return run, cursor

    def commit(self, change: Change, cursor: Cursor, *, release: bool) -> RunRecord:
        """Write as the holder of the lease.

        Raises:
            LeaseLost, CancelRequested: as `RunStore.commit` says.
        """
        batch = cursor.batch(change.events) if change.events else None
        run = self._store.commit(change, cursor, release=release)
        self.publish(run, batch)
        return run

    def answer_call(self, job: CallJob, output: str, *, failed: bool) -> RunRecord | None:
        """Store the output of an internal tool call; the last one ends the tool phase.

        Args:
            job: names the call.
            output: what the model will read.
            failed: whether the output tells of a failure.

        Returns:
            The run as it is then; None if it no longer waits for this call (it ended, or the call
            has its output), so that the output is dropped.

        Raises:
            StoreUnavailable: too many others wrote at the same time, for too long.
        """
        pause = 0.01
        for _ in range(_ANSWER_ROUNDS):
            run = self._store.get(job.tenant, job.thread_id, job.run_id)
            if run is None or run.phase is not RunPhase.TOOLS or run.open_step != job.step_id:
                return None
            step = self._store.step(run, job.step_id)
            calls = self._calls.of_step(run, job.step_id)
            waiting = {call.call_id for call in calls if call.state is not CallState.DONE}
            if step is None or job.call_id not in waiting:
                return None
            change = record_output(
                run,
                step,
                calls,
                call_id=job.call_id,
                output=output,
                failed=failed,
                now=self._clock() // 1000,
            )
            try:
                return self.apply(change)
            except RunMoved:
                time.sleep(pause * random.random())
                pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
        raise StoreUnavailable("The call's output could not be stored: too many others wrote.")

    def publish(self, run: RunRecord, batch: Batch | None) -> None:
        """Push a batch that is in the log."""
        if batch is not None:
            self._pusher.publish(run.tenant, run.thread_id, run.id, batch)
