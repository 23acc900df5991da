"""The programs of everybody who works on a run, for random schedules.

Each mirrors one of the service's functions, request by request; what it decides, the real core
decides. A `yield` is a point where others go on, and where the process may die or sleep.
"""

import random
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass

from adapters.dynamodb.errors import CallTaken, LeaseLost, RunMoved
from core.changes import Change
from core.dispatch import (
    FIRST_CHECK_SECONDS,
    EnqueueStep,
    StartTools,
    dispatch_of,
    next_check_seconds,
    rest_seconds,
    step_job,
)
from core.endings import EndTrigger, claim, end_run
from core.event_log import Cursor, Event, EventId
from core.jobs import CheckJob, StepJob, ToolPhase
from core.records import CallState, RunPhase, RunRecord
from core.run_machine import Trigger, run_event
from core.schema.runs import RunError
from core.step_records import unanswered_functions
from core.tool_phase import record_output, settled_output, submit_outputs
from tests.support.runs import CountedIds, run_record
from tests.unit.core.run_protocol_store import Flaw, RunStore
from tests.unit.core.run_protocol_turn import LEASE_SECONDS, StreamedTurn

MAX_ATTEMPTS = 5
DOUBT = "It may or may not have acted."

Program = Generator[None, None, None]


@dataclass(eq=False)
class Queued:
    """A message in a queue."""

    job: StepJob | CheckJob
    visible_at_ms: int
    deliveries: int = 0


class Programs:
    """What the service's functions do with one run.

    Attributes:
        store: the tables.
        queue: messages on their way, of both queues.
        machines: executions that are to be started.
        acted: how often each tool call was carried out.

    Args:
        rng: draws whatever may happen.
        flaw: what is wrong with the protocol, if anything is.
    """

    def __init__(self, rng: random.Random, flaw: Flaw | None) -> None:
        self.store = RunStore(flaw)
        self.queue: list[Queued] = []
        self.machines: list[ToolPhase] = []
        self.acted: Counter[str] = Counter()
        self.expires_at = rng.randint(60, 400)
        self._rng = rng
        self._flaw = flaw
        self._ids = CountedIds()
        self._invocations = 0

    # ---- the API --------------------------------------------------------------------------------

    def api_create(self) -> Program:
        run = run_record(created_at=self._now, expires_at=self.expires_at)
        yield
        self._send_check(run, run.watch, FIRST_CHECK_SECONDS)
        yield
        queued = run_event(run)
        self.store.create(run, [Event("thread.run.created", queued.data), queued])
        yield
        self._send(step_job(run))
        yield

    def api_submit(self) -> Program:
        for _ in range(6):
            run = self.store.created
            if run.to_wire().status != "requires_action" or run.open_step is None:
                return
            yield
            step = self.store.steps[run.open_step]
            yield
            self._send_check(run, run.watch + 1, FIRST_CHECK_SECONDS)
            yield
            outputs = {call.id: f"client {call.id}" for call in unanswered_functions(step)}
            change = submit_outputs(run, step, outputs, now=self._now)
            submitted = yield from self._take(change)
            if submitted is not None:
                yield
                self._send(step_job(submitted))
                return

    def api_cancel(self) -> Program:
        for _ in range(6):
            run = self.store.created
            yield
            if run.ended:
                return
            if run.is_leased(self.store.now_ms):
                if run.cancel_requested:
                    return
                self._send_check(run, run.watch, FIRST_CHECK_SECONDS)
                yield
                try:
                    self.store.request_cancel(run)
                except RunMoved:
                    continue
                return
            if (yield from self._end_run(run, Trigger.CANCELLED)) is not None:
                return

    # ---- the runner -----------------------------------------------------------------------------

    def runner(self, job: StepJob, message: Queued) -> Program:
        yield
        run = self.store.run
        if run is None or run.ended or run.is_leased(self.store.now_ms):
            self._delete(message)
            return
        yield
        early = run.step_no == job.step_no and self._rests(run)
        if early or run.step_no > job.step_no:
            yield from self._dispatch(run)
        elif run.step_no == job.step_no and self._may_claim(run) and (yield from self._step(run)):
            message.visible_at_ms = self.store.now_ms + 1000
            return
        self._delete(message)

    def _may_claim(self, run: RunRecord) -> bool:
        return run.phase is RunPhase.READY or self._flaw is Flaw.PHASE_IGNORED

    def _rests(self, run: RunRecord) -> bool:
        if run.phase is not RunPhase.READY or self._overdue(run) is not None:
            return False
        return rest_seconds(run, now_ms=self.store.now_ms) > 0

    def _step(self, run: RunRecord) -> Generator[None, None, bool]:
        """Carry out a step; tell whether its message shall come back."""
        overdue = self._overdue(run)
        if overdue is not None:
            yield from self._end_run(run, overdue)
            return False
        self._invocations += 1
        owner = f"worker-{self._invocations}"
        if self._flaw is not Flaw.CHECKED_LATE:
            self._send_check(run, run.watch + 1, LEASE_SECONDS + 1)
        yield
        end = self.store.end_of_chain(run)
        opened = self.store.open_records(run)
        yield
        if self._flaw is Flaw.CONTENT_AND_END_APART:
            yield
            yield
            end = self.store.end_of_chain(run)
            yield
        change = claim(
            run,
            owner=owner,
            lease_until_ms=self.store.now_ms + LEASE_SECONDS * 1000,
            message=opened[0],
            step=opened[1],
            now=self._now,
        )
        try:
            held = self.store.take(change, end, keep_lease=True)
        except RunMoved:
            return False
        yield
        if self._flaw is Flaw.CHECKED_LATE:
            self._send_check(run, run.watch + 1, LEASE_SECONDS + 1)
        cursor = Cursor(held.epoch, end)
        if change.events:
            cursor.advance(cursor.batch(change.events))
        try:
            turn = StreamedTurn(self.store, self._rng, self._ids, held, cursor, self._is_over)
            committed = yield from turn.stream()
        except LeaseLost:
            return False
        yield
        if committed is None:
            return True
        if not committed.ended:
            yield from self._dispatch(committed)
        return False

    def _is_over(self, run: RunRecord) -> bool:
        """Tell whether a run's time is over."""
        return self._now >= run.expires_at and self._flaw is not Flaw.EXPIRY_IGNORED

    def _overdue(self, run: RunRecord) -> EndTrigger | None:
        if run.cancel_requested:
            return Trigger.CANCELLED
        if self._is_over(run):
            return Trigger.EXPIRE
        return Trigger.FAIL if run.attempts >= MAX_ATTEMPTS else None

    def _dispatch(self, run: RunRecord) -> Program:
        in_tools = run.phase is RunPhase.TOOLS and run.open_step is not None
        calls = self.store.calls_of(run.open_step or "") if in_tools else []
        yield
        following = dispatch_of(run, calls)
        if isinstance(following, EnqueueStep):
            self._send(following.job, rest_seconds(run, now_ms=self.store.now_ms))
        elif isinstance(following, StartTools):
            self.machines.append(following.phase)
        yield

    def dead_letters(self, job: StepJob, message: Queued) -> Program:
        run = self.store.run
        yield
        if run is not None and not run.ended:
            moved_on = run.step_no != job.step_no or run.phase is not RunPhase.READY
            moved_on = moved_on or self._rests(run)
            if not moved_on and not run.is_leased(self.store.now_ms):
                yield from self._end_run(run, Trigger.FAIL)
        self._delete(message)

    # ---- checks ---------------------------------------------------------------------------------

    def timers(self, job: CheckJob, message: Queued) -> Program:
        yield
        run = self.store.run
        if run is None or run.ended or job.watch < run.watch:
            self._delete(message)
            return
        if job.watch == run.watch or self._flaw is not Flaw.EARLY_CHECKS_END:
            self._send(job, next_check_seconds(run, now_ms=self.store.now_ms))
        yield
        if job.watch == run.watch and not run.is_leased(self.store.now_ms):
            yield from self._move_on(run)
        self._delete(message)

    def _move_on(self, run: RunRecord) -> Program:
        if self._is_over(run):
            yield from self._end_run(run, Trigger.EXPIRE)
        elif run.cancel_requested:
            yield from self._end_run(run, Trigger.CANCELLED)
        elif run.phase is RunPhase.TOOLS and self.store.now_ms >= run.tools_deadline_ms:
            yield from self._settle(run)
        elif run.phase is not RunPhase.CLIENT and not self._rests(run):
            yield from self._dispatch(run)

    def _settle(self, run: RunRecord) -> Program:
        settled: RunRecord | None = None
        for call in self.store.calls_of(run.open_step or ""):
            if call.state is not CallState.DONE:
                answered = yield from self._answer(call.step_id, call.call_id, None)
                settled = answered or settled
        yield
        if settled is not None and settled.phase is RunPhase.READY:
            self._send(step_job(settled))

    # ---- tools ----------------------------------------------------------------------------------

    def machine(self, phase: ToolPhase) -> Program:
        """The state machine: a worker a call, all at once, then the message that goes on."""
        workers = [self._branch(phase.step_id, call.call_id) for call in phase.calls]
        while workers:
            yield
            worker = self._rng.choice(workers)
            if next(worker, self) is self:
                workers.remove(worker)
        yield
        self._send(StepJob.model_validate_json(phase.next_step))
        yield

    def _branch(self, step_id: str, call_id: str) -> Program:
        """One call: its worker may time out or die; then the call is settled, most often."""
        fails_after = self._rng.choice([None, None, None, 0, 1, 2, 3, 4])
        work = self._worker(step_id, call_id)
        for count, _ in enumerate(work):
            if count == fails_after:
                work.close()
                break
            yield
        else:
            return
        yield
        if self._rng.random() < 0.8:
            yield from self._answer(step_id, call_id, None)

    def _worker(self, step_id: str, call_id: str) -> Program:
        yield
        run = self.store.created
        if run.phase is not RunPhase.TOOLS or run.open_step != step_id:
            return
        call = self.store.calls[call_id]
        yield
        if call.state is not CallState.PENDING and self._flaw is not Flaw.CALL_UNCLAIMED:
            return
        try:
            self.store.claim_call(call)
        except CallTaken:
            return
        yield
        self.acted[call_id] += 1
        yield
        yield from self._answer(step_id, call_id, f"done {call_id}")

    def _answer(
        self, step_id: str, call_id: str, output: str | None
    ) -> Generator[None, None, RunRecord | None]:
        """Store an output, or what is known of the call if there is none.

        Returns:
            The run as it is then; None if it no longer waits for the call.
        """
        for _ in range(80):
            yield
            run = self.store.created
            if run.phase is not RunPhase.TOOLS or run.open_step != step_id:
                return None
            yield
            step = self.store.steps[step_id]
            calls = self.store.calls_of(step_id)
            waiting = {call.call_id for call in calls if call.state is not CallState.DONE}
            if call_id not in waiting and self._flaw is not Flaw.ANSWERED_TWICE:
                return None
            change = record_output(
                run,
                step,
                calls,
                call_id=call_id,
                output=output or settled_output(self.store.calls[call_id], DOUBT),
                failed=output is None,
                now=self._now,
            )
            answered = yield from self._take(change)
            if answered is not None:
                return answered
        raise AssertionError("the run moved each time")

    # ---- what several of them do ----------------------------------------------------------------

    def _take(
        self, change: Change, end: EventId | None = None, *, known: bool = False
    ) -> Generator[None, None, RunRecord | None]:
        """Write while nobody works on the run; None if somebody was quicker."""
        if not known:
            end = self.store.end_of_chain(change.before)
        yield
        try:
            return self.store.take(change, end, keep_lease=False)
        except RunMoved:
            return None

    def _end_run(
        self, run: RunRecord, trigger: EndTrigger
    ) -> Generator[None, None, RunRecord | None]:
        end = self.store.end_of_chain(run)
        message, step = self.store.open_records(run)
        yield
        error = RunError(code="server_error", message="No.") if trigger is Trigger.FAIL else None
        change = end_run(run, trigger, message=message, step=step, now=self._now, error=error)
        apart = self._flaw is Flaw.CONTENT_AND_END_APART
        return (yield from self._take(change, end, known=not apart))

    def _send(self, job: StepJob | CheckJob, delay_seconds: float = 0) -> None:
        if self._flaw is Flaw.NO_CHECKS and isinstance(job, CheckJob):
            return
        self.queue.append(Queued(job, self.store.now_ms + int(delay_seconds * 1000)))

    def _send_check(self, run: RunRecord, watch: int, delay_seconds: int) -> None:
        job = CheckJob(tenant=run.tenant, thread_id=run.thread_id, run_id=run.id, watch=watch)
        self._send(job, delay_seconds)

    def _delete(self, message: Queued) -> None:
        """Delete a message; sometimes that is lost, and it is delivered again."""
        if message in self.queue and self._rng.random() > 0.02:
            self.queue.remove(message)

    @property
    def _now(self) -> int:
        return self.store.now_ms // 1000
