"""Write, then push: nothing reaches a client that is not in the log."""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from adapters.dynamodb.errors import LineMoved, RunMoved, StoreSilent, StoreUnavailable
from adapters.dynamodb.faults import silence
from adapters.dynamodb.runs import RunStore
from adapters.dynamodb.tool_calls import ToolCalls
from adapters.dynamodb.transactions import Receipt
from adapters.push import Pusher
from adapters.queues import Queues
from core.changes import Change
from core.clock import Clock
from core.dispatch import FIRST_CHECK_SECONDS
from core.event_log import Batch, Cursor
from core.jobs import CallJob
from core.records import CallRecord, CallState, RunPhase, RunRecord
from core.thread_line import MAX_WAITING_INTERRUPTS, Turn, next_turn
from core.tool_phase import record_output, settled_output

T = TypeVar("T")

# Calls that end together race for the run's next epoch; each round lets one through.
_ANSWER_ROUNDS = 80
_LONGEST_PAUSE_SECONDS = 0.25
# Each round tells how the line is; it moves when somebody joins an empty one or leaves another.
_LINE_ROUNDS = MAX_WAITING_INTERRUPTS + 2


class RunWriter:
    """Carries out changes of runs and pushes what they announce.

    A run that ends hands its thread to the next one in the line, if one waits: in the same write.

    Args:
        store: where runs and their events are written.
        calls: the internal tool calls of runs.
        pusher: tells those who watch.
        clock: gives milliseconds.
        queues: where the run whose turn comes is sent for; None for who ends no runs.
        report: is told of what failed after a write, as words and the error; it is made good later.
    """

    def __init__(
        self,
        store: RunStore,
        calls: ToolCalls,
        pusher: Pusher,
        clock: Clock,
        queues: Queues | None,
        report: Callable[[str, Exception], None],
    ) -> None:
        self._store = store
        self._calls = calls
        self._pusher = pusher
        self._clock = clock
        self._queues = queues
        self._report = report

    def apply(self, change: Change, receipt: Receipt | None = None) -> RunRecord:
        """Change a run that nobody works on.

        Args:
            change: what to write.
            receipt: records the answer that tells of it.

        Raises:
            Repeated: the request was answered before.
            RunMoved: somebody moved it since it was read, or works on it.
        """
        run, batch = self._write(change, lambda seen: self._store.apply(seen, receipt))
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
        run = self._write(change, lambda seen: self._store.commit(seen, cursor, release=release))
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
        return self._answer(job, lambda _: output, failed=failed)

    def settle_call(self, job: CallJob, doubt: str) -> RunRecord | None:
        """Answer an internal tool call, whose output will not come, with what is true of it.

        Args:
            job: names the call.
            doubt: what is wrong, in words for the model, if a worker has claimed the call.

        Returns:
            As `answer_call`.

        Raises:
            StoreUnavailable: as `answer_call`.
        """
        return self._answer(job, lambda call: settled_output(call, doubt), failed=True)

    def publish(self, run: RunRecord, batch: Batch | None) -> None:
        """Push a batch that is in the log."""
        if batch is not None:
            self._pusher.publish(run.tenant, run.thread_id, run.id, batch)

    def _answer(
        self, job: CallJob, output_of: Callable[[CallRecord], str], *, failed: bool
    ) -> RunRecord | None:
        pause = 0.01
        for _ in range(_ANSWER_ROUNDS):
            try:
                with silence():
                    return self._answer_once(job, output_of, failed=failed)
            except (RunMoved, StoreSilent, StoreUnavailable):
                time.sleep(pause * random.random())
                pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
        raise StoreUnavailable("The call's output could not be stored: too many others wrote.")

    def _answer_once(
        self, job: CallJob, output_of: Callable[[CallRecord], str], *, failed: bool
    ) -> RunRecord | None:
        run = self._store.get(job.tenant, job.thread_id, job.run_id)
        if run is None or run.phase is not RunPhase.TOOLS or run.open_step != job.step_id:
            return None
        step = self._store.step(run, job.step_id)
        calls = self._calls.of_step(run, job.step_id)
        waiting = {call.call_id: call for call in calls if call.state is not CallState.DONE}
        if step is None or job.call_id not in waiting:
            return None
        change = record_output(
            run,
            step,
            calls,
            call_id=job.call_id,
            output=output_of(waiting[job.call_id]),
            failed=failed,
            now=self._clock() // 1000,
        )
        return self.apply(change)

    def _write(self, change: Change, write: Callable[[Change], T]) -> T:
        """Write a change as it fits the thread's line, which nobody knows until it does not."""
        armed: Turn | None = None
        for _ in range(_LINE_ROUNDS):
            turn = next_turn(change)
            if turn is not None and turn != armed:
                # Armed before the write: whatever dies after it, the run moves on.
                self._sender.send_check(turn.check, FIRST_CHECK_SECONDS)
                armed = turn
            try:
                written = write(change)
            except LineMoved as moved:
                change = replace(change, line=moved.line)
                continue
            if turn is not None:
                self._send_step(turn)
            return written
        raise StoreUnavailable("The thread's line moved each time that the run was to leave it.")

    def _send_step(self, turn: Turn) -> None:
        try:
            self._sender.send_step(turn.step)
        except Exception as error:
            self._report("step not enqueued", error)

    @property
    def _sender(self) -> Queues:
        if self._queues is None:
            raise LookupError("Who ends runs has queues.")
        return self._queues
