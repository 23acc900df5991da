"""Random schedules of what happens to the runs of one thread: they wait, interrupt, end and die.

The programs mirror the service's functions, request by request; what they decide, the real core
decides. A `yield` is a point where others go on, and where the process may die or sleep.
"""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Literal

from adapters.dynamodb.errors import (
    CancelRequested,
    LeaseLost,
    LineFull,
    LineMoved,
    RunMoved,
    ThreadBusy,
)
from core.changes import Change, ThreadLine
from core.dispatch import (
    FIRST_CHECK_SECONDS,
    EnqueueStep,
    dispatch_of,
    next_look_seconds,
)
from core.endings import EndTrigger, claim, end_run
from core.jobs import CheckJob, StepJob
from core.records import RunPhase, RunRecord
from core.run_machine import Trigger, move
from core.thread_line import next_turn, place_messages, waiting_run
from tests.support.runs import CountedIds, run_record, user_message
from tests.unit.core.thread_line_store import Flaw, LineStore

LEASE_SECONDS = 30
API_SECONDS = 29
RUNNER_SECONDS = 900
STEPS_VISIBLE_AGAIN = 960
TIMERS_VISIBLE_AGAIN = 180
_MOST_MOVES = 20_000
_ROUNDS = 42

Program = Generator[None, None, None]
Ended = Generator[None, None, RunRecord | None]
Strategy = Literal["reject", "enqueue", "interrupt"]


@dataclass(eq=False)
class Queued:
    """A message in a queue."""

    job: StepJob | CheckJob
    visible_at_ms: int


@dataclass(eq=False)
class Process:
    """A running function."""

    program: Program
    ends_at_ms: int


class ThreadLineWorld:
    """One schedule.

    Args:
        rng: draws whatever may happen next.
        crashes: how many processes may die or fall asleep at most.
        flaw: what is wrong with the protocol, if anything is.
    """

    def __init__(self, rng: random.Random, crashes: int, flaw: Flaw | None = None) -> None:
        self.store = LineStore(flaw)
        self.refused = 0
        self._rng = rng
        self._flaw = flaw
        self._crashes = self._most_crashes = crashes
        self._ids = CountedIds()
        self._queue: list[Queued] = []
        self._processes: list[Process] = []
        self._to_create = rng.randint(2, 6)
        self._to_cancel = rng.choice([0, 0, 1, 3])
        self._workers = 0

    def run(self) -> None:
        """Let things happen until every run has ended and nobody works any more."""
        for _ in range(_MOST_MOVES):
            if not self._to_create and not self._processes and self._all_ended():
                return
            self.store.now_ms += self._rng.choice([0, 0, 0, 200, 1000])
            moves = self._moves()
            if moves:
                self._rng.choice(moves)()
            else:
                self.store.now_ms += 5000
        raise AssertionError("a run never ends")

    def check(self) -> None:
        """Fail unless all came to a good end."""
        store = self.store
        assert store.line == ThreadLine(), "the thread stays locked"
        created = [run_id for run_id in store.runs if run_id in store.began]
        assert store.began == created, "a run overtakes another"
        placed = [message.content[0].model_dump_json() for _, message in store.messages]
        assert len(placed) == len(set(placed)), "a message appears twice"
        assert {run_id for run_id, _ in store.messages} >= set(store.began), "a message is lost"
        ids = [message.id for _, message in store.messages]
        assert ids == sorted(ids), "a message stands before what was said earlier"
        for run_id in store.doomed:
            assert store.runs[run_id].status != "completed", "an interrupted run goes on"
        most_late = 100_000 + 240_000 * self._most_crashes
        assert store.late_ms <= most_late, "a run whose turn has come stands still"

    # ---- what may happen ------------------------------------------------------------------------

    def _all_ended(self) -> bool:
        return all(run.ended for run in self.store.runs.values())

    def _moves(self) -> list[Callable[[], None]]:
        moves: list[Callable[[], None]] = [self._go_on] * len(self._processes)
        due = sum(message.visible_at_ms <= self.store.now_ms for message in self._queue)
        moves += [self._deliver] * min(2, due)
        if self._to_create and self._rng.random() < 0.3:
            moves.append(self._create)
        if self._to_cancel and self.store.runs and self._rng.random() < 0.1:
            moves.append(self._cancel)
        return moves

    def _create(self) -> None:
        self._to_create -= 1
        strategy: Strategy = self._rng.choice(
            ["reject", "enqueue", "enqueue", "enqueue", "interrupt"]
        )
        self._start(self._api_create(strategy), API_SECONDS)

    def _cancel(self) -> None:
        self._to_cancel -= 1
        self._start(self._api_cancel(self._rng.choice(list(self.store.runs))), API_SECONDS)

    def _deliver(self) -> None:
        due = [each for each in self._queue if each.visible_at_ms <= self.store.now_ms]
        message = self._rng.choice(due)
        if isinstance(message.job, CheckJob):
            message.visible_at_ms = self.store.now_ms + TIMERS_VISIBLE_AGAIN * 1000
            self._start(self._timers(message.job, message), API_SECONDS)
        else:
            message.visible_at_ms = self.store.now_ms + STEPS_VISIBLE_AGAIN * 1000
            self._start(self._runner(message.job, message), RUNNER_SECONDS)

    def _go_on(self) -> None:
        process = self._rng.choice(self._processes)
        fate = self._rng.random()
        if self.store.now_ms > process.ends_at_ms:
            self._end(process)
        elif fate < 0.05 and self._crashes:
            self._crashes -= 1
            self._end(process)
        elif fate < 0.08 and self._crashes:
            # Everybody sleeps: leases run out, and their holders do not know.
            self._crashes -= 1
            self.store.now_ms += 40_000
        elif next(process.program, self) is self:
            self._processes.remove(process)

    def _start(self, program: Program, seconds: int) -> None:
        self._processes.append(Process(program, self.store.now_ms + seconds * 1000))

    def _end(self, process: Process) -> None:
        self._processes.remove(process)
        process.program.close()

    # ---- the API --------------------------------------------------------------------------------

    def _api_create(self, strategy: Strategy) -> Program:
        run = run_record(
            id=self._ids.new("run"),
            created_at=self._now,
            expires_at=self._now + self._rng.choice([60, 600, 4000, 4000]),
        )
        message = user_message(f"for {run.id}", self._ids.new("msg"))
        self._send_check(run, run.watch, FIRST_CHECK_SECONDS)
        for _ in range(6):
            yield
            try:
                self.store.create(run, [message.model_copy(update={"id": self._ids.new("msg")})])
            except ThreadBusy as busy:
                line = busy.line
            else:
                yield
                self._send(StepJob(**self._names(run), step_no=0))
                return
            if strategy == "reject":
                self.refused += 1
                return
            yield
            interrupts = strategy == "interrupt"
            if interrupts:
                active = self.store.runs[line.active or ""]
                if active.ended:
                    continue
                self._send_check(active, active.watch, FIRST_CHECK_SECONDS)
                yield
            try:
                self.store.enqueue(waiting_run(run, [message]), line, interrupts=interrupts)
            except LineFull:
                return
            except RunMoved:
                continue
            if interrupts:
                yield from self._clear(line)
            return

    def _clear(self, line: ThreadLine) -> Program:
        for run_id in (*line.waiting, line.active or ""):
            yield
            if self._flaw is Flaw.ASKED_LATER:
                self.store.ask_to_cancel(run_id)
                yield
            for _ in range(6):
                run = self.store.runs[run_id]
                yield
                if run.ended or run.is_leased(self.store.now_ms):
                    break
                if (yield from self._end_run(run, Trigger.CANCELLED)) is not None:
                    break

    def _api_cancel(self, run_id: str) -> Program:
        for _ in range(6):
            run = self.store.runs[run_id]
            yield
            if run.ended:
                return
            if run.is_leased(self.store.now_ms):
                self._send_check(run, run.watch, FIRST_CHECK_SECONDS)
                yield
                stored = self.store.runs[run_id]
                if (stored.lease_owner, stored.epoch) != (run.lease_owner, run.epoch):
                    continue
                self.store.ask_to_cancel(run_id)
                return
            if (yield from self._end_run(run, Trigger.CANCELLED)) is not None:
                return

    # ---- the runner and the checks --------------------------------------------------------------

    def _runner(self, job: StepJob, message: Queued) -> Program:
        yield
        run = self.store.runs[job.run_id]
        now_ms = self.store.now_ms
        if run.phase is RunPhase.READY and not run.is_leased(now_ms):
            yield
            overdue = self._overdue(run)
            if overdue is not None:
                yield from self._end_run(run, overdue)
            elif (yield from self._step(run)):
                message.visible_at_ms = self.store.now_ms + 1000
                return
        self._delete(message)

    def _step(self, run: RunRecord) -> Generator[None, None, bool]:
        """Carry out a step; tell whether its message shall come back."""
        self._workers += 1
        self._send_check(run, run.watch + 1, LEASE_SECONDS + 1)
        yield
        change = claim(
            run,
            owner=f"worker-{self._workers}",
            lease_until_ms=self.store.now_ms + LEASE_SECONDS * 1000,
            message=None,
            step=None,
            now=self._now,
        )
        try:
            held = self.store.take(place_messages(change, self._ids.new, now=self._now))
        except RunMoved:
            return False
        for _ in range(self._rng.randint(1, 5)):
            yield
            if self._rng.random() < 0.04:
                return True
        after = move(held, Trigger.FINISH, now=self._now)
        try:
            yield from self._leave(Change(held, after), self.store.commit)
        except CancelRequested:
            yield
            cancelled = end_run(held, Trigger.CANCELLED, message=None, step=None, now=self._now)
            try:
                yield from self._leave(cancelled, self.store.commit)
            except LeaseLost:
                return False
        except LeaseLost:
            return False
        return False

    def _timers(self, job: CheckJob, message: Queued) -> Program:
        yield
        run = self.store.runs.get(job.run_id)
        if run is None or run.ended or job.watch < run.watch:
            self._delete(message)
            return
        self._send(job, next_look_seconds(run, job, now_ms=self.store.now_ms))
        yield
        if job.watch == run.watch and not run.is_leased(self.store.now_ms):
            overdue = self._overdue(run)
            following = dispatch_of(run, ())
            if overdue is not None:
                yield from self._end_run(run, overdue)
            elif isinstance(following, EnqueueStep):
                self._send(following.job)
        self._delete(message)

    def _overdue(self, run: RunRecord) -> EndTrigger | None:
        if self._now >= run.expires_at:
            return Trigger.EXPIRE
        return Trigger.CANCELLED if run.cancel_requested else None

    # ---- what several of them do ----------------------------------------------------------------

    def _end_run(self, run: RunRecord, trigger: EndTrigger) -> Ended:
        """End a run that nobody works on; None if somebody moved it."""
        change = end_run(run, trigger, message=None, step=None, now=self._now)
        try:
            return (yield from self._leave(change, self.store.take))
        except RunMoved:
            return None

    def _leave(
        self, change: Change, write: Callable[[Change], RunRecord]
    ) -> Generator[None, None, RunRecord]:
        """Write as the run's writer does: with the check and the step of the run that follows."""
        armed = None
        for _ in range(_ROUNDS):
            turn = next_turn(change)
            yield
            if turn is not None and turn != armed:
                if self._flaw is not Flaw.UNWATCHED_TURN:
                    self._send(turn.check, FIRST_CHECK_SECONDS)
                armed = turn
                yield
            try:
                written = write(change)
            except LineMoved as moved:
                change = replace(change, line=moved.line)
                continue
            yield
            if turn is not None:
                self._send(turn.step)
            return written
        raise AssertionError("the line moved each time")

    def _names(self, run: RunRecord) -> dict[str, str]:
        return {"tenant": run.tenant, "thread_id": run.thread_id, "run_id": run.id}

    def _send(self, job: StepJob | CheckJob, delay_seconds: float = 0) -> None:
        self._queue.append(Queued(job, self.store.now_ms + int(delay_seconds * 1000)))

    def _send_check(self, run: RunRecord, watch: int, delay_seconds: int) -> None:
        self._send(CheckJob(**self._names(run), watch=watch), delay_seconds)

    def _delete(self, message: Queued) -> None:
        """Delete a message; sometimes that is lost, and it is delivered again."""
        if message in self._queue and self._rng.random() > 0.02:
            self._queue.remove(message)

    @property
    def _now(self) -> int:
        return self.store.now_ms // 1000
