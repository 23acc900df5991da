"""What the tables hold of one run, in memory, with the conditional writes of the DynamoDB adapter.

Every method is one request to the table: it happens as a whole or not at all. What a writer does
between two of them is for others to use.
"""

from collections import Counter
from enum import StrEnum

from adapters.dynamodb.errors import CallTaken, CancelRequested, LeaseLost, RunMoved
from core.changes import Change
from core.endings import with_logged_content
from core.event_log import Batch, Cursor, Event, EventId, drop_void
from core.records import CallRecord, CallState, RunPhase, RunRecord
from core.schema.messages import Message
from core.schema.steps import RunStep
from core.step_records import with_known_outputs


class Flaw(StrEnum):
    """A condition that is taken away; each must be missed."""

    COMMIT_UNFENCED = "whoever worked on a step commits it, whoever holds the lease"
    CALL_UNCLAIMED = "a tool call is carried out by everybody who is asked to"
    NO_CHECKS = "nobody looks whether the run still moves"
    PHASE_IGNORED = "a step is claimed while tools are out"
    ONLY_THE_EPOCH_COUNTS = "the run is taken although its holder wrote since it was read"
    CONTENT_AND_END_APART = "a broken message is read apart from the end of the log"
    ANSWERED_TWICE = "an output is stored although there is one"
    CLAIM_UNSEEN = "a call is said not to have been made although somebody has just claimed it"
    EARLY_CHECKS_END = "a check whose number the run does not carry yet is given up"
    CHECKED_LATE = "the check is armed after the write that it guards"
    EXPIRY_IGNORED = "nobody minds when a run expires"


class RunStore:
    """One run and everything that belongs to it.

    Attributes:
        run: the run's item; None before it is created.
        locked: whether the thread is held by the run.
        releases: how often it was let go.
        ended_at_ms: when the run ended.
        commits: how often each step was committed.
        promised: ids of batches that were written in a transaction.
    """

    def __init__(self, flaw: Flaw | None) -> None:
        self._flaw = flaw
        self.now_ms = 0
        self.run: RunRecord | None = None
        self.locked = False
        self.releases = 0
        self.ended_at_ms = 0
        self.commits: Counter[int] = Counter()
        self.steps: dict[str, RunStep] = {}
        self.messages: dict[str, Message] = {}
        self.calls: dict[str, CallRecord] = {}
        self.log: dict[EventId, Batch] = {}
        self.promised: list[EventId] = []

    # ---- reading --------------------------------------------------------------------------------

    @property
    def created(self) -> RunRecord:
        """The run, for those who know that there is one."""
        assert self.run is not None
        return self.run

    def chain(self) -> list[Batch]:
        """Return what counts of the log."""
        return drop_void([self.log[last] for last in sorted(self.log)])

    def open_records(self, run: RunRecord) -> tuple[Message | None, RunStep | None]:
        """Return what a run left open: the message as it was logged, the step with its outputs."""
        message = None if run.open_message is None else self.messages[run.open_message]
        if message is not None:
            events = [event for batch in self.chain() for event in batch.events]
            message = with_logged_content(message, events)
        step = None if run.open_step is None else self.steps[run.open_step]
        if step is not None and run.phase is RunPhase.TOOLS:
            step = with_known_outputs(step, self.calls_of(step.id))
        return message, step

    def end_of_chain(self, run: RunRecord) -> EventId | None:
        """Return what the next epoch of a run follows."""
        if run.lease_owner is None:
            return run.tail
        own = [last for last in self.log if last.epoch == run.epoch]
        return max(own, default=run.base)

    def calls_of(self, step_id: str) -> list[CallRecord]:
        """Return a step's internal calls."""
        found = [call for call in self.calls.values() if call.step_id == step_id]
        return sorted(found, key=lambda call: call.index)

    # ---- writing --------------------------------------------------------------------------------

    def create(self, run: RunRecord, events: list[Event]) -> None:
        """Create the run and lock its thread."""
        batch = Batch(None, EventId(0, 0), tuple(events))
        self.run, self.locked = run.model_copy(update={"tail": batch.last}), True
        self._log(batch)

    def take(self, change: Change, end: EventId | None, *, keep_lease: bool) -> RunRecord:
        """Claim the run, or change it while nobody works on it.

        Args:
            change: what to write.
            end: of the log's chain, as it was read.
            keep_lease: whether the change's lease stays: then it is a claim.

        Raises:
            RunMoved: it is not as it was read, or somebody works on it.
        """
        before, stored = change.before, self.created
        free = stored.lease_owner is None or stored.lease_until_ms < self.now_ms
        if stored.epoch != before.epoch or not free:
            raise RunMoved
        if self._flaw is not Flaw.ONLY_THE_EPOCH_COUNTS and _held(stored) != _held(before):
            raise RunMoved
        if change.releases_thread and not self.locked:
            raise RunMoved
        if not self._are_calls_as_read(change):
            raise RunMoved
        cursor = Cursor(before.epoch + 1, end)
        if change.events:
            cursor.advance(self._log(cursor.batch(change.events)))
        update = {"epoch": cursor.epoch, "base": end, "tail": cursor.last}
        if not keep_lease:
            update |= {"lease_owner": None, "lease_until_ms": 0}
        return self._write(change, change.after.model_copy(update=update))

    def commit(self, change: Change, cursor: Cursor, *, release: bool) -> RunRecord:
        """Write as the holder of the lease.

        Raises:
            LeaseLost: the lease is another's by now.
            CancelRequested: somebody asked to cancel.
        """
        before, stored = change.before, self.created
        mine = (stored.lease_owner, stored.epoch) == (before.lease_owner, before.epoch)
        if not mine and self._flaw is not Flaw.COMMIT_UNFENCED:
            raise LeaseLost
        if stored.cancel_requested and change.after.status != "cancelled":
            raise CancelRequested
        if change.releases_thread and not self.locked:
            raise LeaseLost
        moves = change.after.ended or change.after.step_no != before.step_no
        if release and moves:
            self.commits[before.step_no] += 1
        if change.events:
            cursor.advance(self._log(cursor.batch(change.events)))
        update: dict[str, object] = {"epoch": before.epoch}
        if release:
            update |= {"lease_owner": None, "lease_until_ms": 0, "tail": cursor.last}
        return self._write(change, change.after.model_copy(update=update))

    def append(self, cursor: Cursor, events: tuple[Event, ...]) -> None:
        """Write a batch without any condition, as a holder does between its transactions."""
        batch = cursor.batch(events)
        self.log[batch.last] = batch
        cursor.advance(batch)

    def renew(self, run: RunRecord, until_ms: int) -> bool:
        """Prolong the lease; tell whether cancelling was asked for.

        Raises:
            LeaseLost: the lease is another's by now.
        """
        stored = self.created
        if (stored.lease_owner, stored.epoch) != (run.lease_owner, run.epoch):
            raise LeaseLost
        self.run = stored.model_copy(update={"lease_until_ms": until_ms})
        return stored.cancel_requested

    def request_cancel(self, run: RunRecord) -> None:
        """Ask the holder of the lease to cancel the run.

        Raises:
            RunMoved: nobody holds it any more, or another does.
        """
        stored = self.created
        if (stored.lease_owner, stored.epoch) != (run.lease_owner, run.epoch):
            raise RunMoved
        self.run = stored.model_copy(update={"cancel_requested": True})

    def claim_call(self, call: CallRecord) -> None:
        """Take a tool call before acting on it.

        Raises:
            CallTaken: somebody has it, or the run no longer wants it.
        """
        run, stored = self.created, self.calls[call.call_id]
        wanted = run.phase is RunPhase.TOOLS and run.open_step == call.step_id
        free = stored.state is CallState.PENDING or self._flaw is Flaw.CALL_UNCLAIMED
        if run.cancel_requested or not wanted or not free:
            raise CallTaken
        self.calls[call.call_id] = stored.model_copy(update={"state": CallState.CLAIMED})

    # ---- parts ----------------------------------------------------------------------------------

    def _are_calls_as_read(self, change: Change) -> bool:
        if self._flaw in (Flaw.ANSWERED_TWICE, Flaw.CLAIM_UNSEEN):
            return True
        known = (self.calls.get(call.call_id) for call in change.calls)
        states = {call.call_id: call.state for call in known if call is not None}
        return states == change.call_states

    def _write(self, change: Change, after: RunRecord) -> RunRecord:
        for call in change.calls:
            known = self.calls.get(call.call_id)
            if known is not None and known.state is CallState.DONE:
                assert self._flaw is Flaw.ANSWERED_TWICE
        changed = {
            name: value
            for name in RunRecord.model_fields
            if (value := getattr(after, name)) != getattr(change.before, name)
        }
        # Only what changes is written: what others wrote meanwhile stays.
        self.run = self.created.model_copy(update=changed)
        self.steps |= {step.id: step for step in change.steps}
        self.messages |= {message.id: message for message in change.messages}
        self.calls |= {call.call_id: call for call in change.calls}
        if change.releases_thread:
            self.locked = False
            self.releases += 1
            self.ended_at_ms = self.now_ms
        return after

    def _log(self, batch: Batch) -> Batch:
        self.log[batch.last] = batch
        self.promised.append(batch.last)
        return batch


def _held(run: RunRecord) -> tuple[str | None, ...]:
    """Return what the holder of a lease may change without a new epoch."""
    return run.lease_owner, run.open_step, run.open_message
