"""One thread's lock and runs in memory, with the conditional writes of the DynamoDB adapter.

Every method is one request to the table: it happens as a whole or not at all. After each, the lock
and the runs must agree.
"""

from enum import StrEnum

from adapters.dynamodb.errors import (
    CancelRequested,
    LeaseLost,
    LineFull,
    LineMoved,
    RunMoved,
    ThreadBusy,
)
from core.changes import Change, ThreadLine
from core.records import RunPhase, RunRecord
from core.schema.messages import Message
from core.thread_line import MAX_WAITING, TURN_WATCH


class Flaw(StrEnum):
    """A condition that is taken away; each must be missed."""

    FREED_BLINDLY = "a run that ends lets the thread go without a look at who waits"
    HANDED_BLINDLY = "the thread is handed to a run that may wait no longer"
    LEFT_BLINDLY = "a run leaves the line at the place where it was seen"
    JOINED_BLINDLY = "a run waits for a thread that may be free by now"
    INTERRUPTED_UNSEEN = "an interrupt does not mind who joined since it looked"
    ASKED_LATER = "an interrupt asks the others to cancel after it has joined"
    UNWATCHED_TURN = "nobody looks whether a run whose turn has come begins"
    HELD_KEPT = "a claim leaves the run its messages"
    PLACED_AT_ONCE = "a run's messages are in the thread while it waits"


class LineStore:
    """A thread, its runs, and what a test knows of them.

    Attributes:
        line: what the lock says.
        runs: the runs' items, by id, in the order of their creation.
        messages: of the thread, in the order in which they came, with their run.
        began: the runs that were claimed, in the order of their first claims.
        turns: when each run's turn came.
        late_ms: the longest time from a run's turn to its first claim.
        doomed: runs that an interrupt was to cancel.
    """

    def __init__(self, flaw: Flaw | None) -> None:
        self._flaw = flaw
        self.now_ms = 0
        self.line = ThreadLine()
        self.runs: dict[str, RunRecord] = {}
        self.messages: list[tuple[str, Message]] = []
        self.began: list[str] = []
        self.turns: dict[str, int] = {}
        self.late_ms = 0
        self.doomed: set[str] = set()

    def create(self, run: RunRecord, messages: list[Message]) -> None:
        """Create a run on a thread that nobody holds.

        Raises:
            ThreadBusy: somebody does.
        """
        if self.line.active is not None:
            raise ThreadBusy(self.line)
        self.line = ThreadLine(run.id, self.line.waiting)
        self.runs[run.id] = run
        self.turns[run.id] = self.now_ms
        self.messages += [(run.id, message) for message in messages]
        self._agree()

    def enqueue(self, run: RunRecord, line: ThreadLine, *, interrupts: bool) -> None:
        """Create a run that waits.

        Raises:
            LineFull: too many wait.
            RunMoved: the line is not as it was seen.
        """
        if len(line.waiting) >= MAX_WAITING:
            raise LineFull(len(line.waiting))
        if self.line.active != line.active and self._flaw is not Flaw.JOINED_BLINDLY:
            raise RunMoved
        if interrupts:
            if self.line.waiting != line.waiting and self._flaw is not Flaw.INTERRUPTED_UNSEEN:
                raise RunMoved
            self.doomed |= {run_id for run_id, known in self.runs.items() if not known.ended}
            if self._flaw is not Flaw.ASKED_LATER:
                for run_id in (line.active or "", *line.waiting):
                    self.ask_to_cancel(run_id)
        self.line = ThreadLine(self.line.active, (*self.line.waiting, run.id))
        self.runs[run.id] = run
        if self._flaw is Flaw.PLACED_AT_ONCE and run.held_messages is not None:
            self._place(run, tuple(run.held_messages.messages))
        self._agree()

    def ask_to_cancel(self, run_id: str) -> None:
        """Set the flag that a worker looks at."""
        self.runs[run_id] = self.runs[run_id].model_copy(update={"cancel_requested": True})

    def take(self, change: Change) -> RunRecord:
        """Claim a run, or end one that nobody works on.

        Raises:
            RunMoved: it is not as it was read, or somebody works on it.
            LineMoved: it ends, and the line is not as the change has it.
        """
        before, stored = change.before, self.runs[change.before.id]
        free = stored.lease_owner is None or stored.lease_until_ms < self.now_ms
        if _read(stored) != _read(before) or not free:
            raise RunMoved
        if change.releases_thread and not self._leave(change):
            raise RunMoved
        update: dict[str, object] = {"epoch": before.epoch + 1}
        if change.after.ended:
            update |= {"lease_owner": None, "lease_until_ms": 0}
        elif self._flaw is Flaw.HELD_KEPT:
            update["held_messages"] = before.held_messages
        return self._write(change, change.after.model_copy(update=update))

    def commit(self, change: Change) -> RunRecord:
        """End a run as the holder of its lease.

        Raises:
            LeaseLost: the lease is another's by now.
            CancelRequested: somebody asked to cancel.
            LineMoved: the line is not as the change has it.
        """
        before, stored = change.before, self.runs[change.before.id]
        if (stored.lease_owner, stored.epoch) != (before.lease_owner, before.epoch):
            raise LeaseLost
        if stored.cancel_requested and change.after.status != "cancelled":
            raise CancelRequested
        if not self._leave(change):
            raise LeaseLost
        update = {"lease_owner": None, "lease_until_ms": 0}
        return self._write(change, change.after.model_copy(update=update))

    def _leave(self, change: Change) -> bool:
        """Take a run out of the line; False if it is not where it was read."""
        run, line = change.before, self.line
        if run.phase is RunPhase.WAITING:
            return self._give_up(run, change.line)
        if line.active != run.id:
            return False
        if change.successor is None:
            if line.waiting and self._flaw is not Flaw.FREED_BLINDLY:
                raise LineMoved(line)
            self.line = ThreadLine(None, line.waiting)
            return True
        if line.waiting[:1] != (change.successor,) and self._flaw is not Flaw.HANDED_BLINDLY:
            raise LineMoved(line)
        self.line = ThreadLine(change.successor, line.waiting[1:])
        self.turns[change.successor] = self.now_ms
        update: dict[str, object] = {"phase": RunPhase.READY}
        if self._flaw is not Flaw.UNWATCHED_TURN:
            update["watch"] = TURN_WATCH
        follower = self.runs[change.successor]
        self.runs[change.successor] = follower.model_copy(update=update)
        return True

    def _give_up(self, run: RunRecord, seen: ThreadLine) -> bool:
        waiting = self.line.waiting
        if run.id not in waiting:
            return False
        if run.id not in seen.waiting:
            raise LineMoved(self.line)
        place = seen.waiting.index(run.id)
        if waiting[place : place + 1] != (run.id,) and self._flaw is not Flaw.LEFT_BLINDLY:
            raise LineMoved(self.line)
        self.line = ThreadLine(self.line.active, (*waiting[:place], *waiting[place + 1 :]))
        return True

    def _write(self, change: Change, after: RunRecord) -> RunRecord:
        before = change.before
        changed = {
            name: value
            for name in RunRecord.model_fields
            if (value := getattr(after, name)) != getattr(before, name)
        }
        if after.lease_owner is not None and before.id not in self.began:
            self.began.append(before.id)
            self.late_ms = max(self.late_ms, self.now_ms - self.turns[before.id])
        self._place(before, change.messages)
        self.runs[before.id] = self.runs[before.id].model_copy(update=changed)
        self._agree()
        return after

    def _place(self, run: RunRecord, messages: tuple[Message, ...]) -> None:
        assert not messages or self.line.active == run.id, "a message appears early"
        self.messages += [(run.id, message) for message in messages]

    def _agree(self) -> None:
        waiting = tuple(
            run_id for run_id, run in self.runs.items() if run.phase is RunPhase.WAITING
        )
        assert self.line.waiting == waiting, "the line and the runs that wait differ"
        holding = [
            run_id
            for run_id, run in self.runs.items()
            if not run.ended and run.phase is not RunPhase.WAITING
        ]
        assert holding == ([] if self.line.active is None else [self.line.active]), (
            "the thread is not held by one run"
        )
        assert self.line.active is not None or not waiting, "a run waits on a free thread"


def _read(run: RunRecord) -> tuple[object, ...]:
    return run.epoch, run.phase, run.lease_owner
