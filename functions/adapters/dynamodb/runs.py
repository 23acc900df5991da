"""Runs: the conditional writes on which everything rests.

    claim   a worker takes the run: the epoch it read is still the newest, nobody's lease is live
    commit  the holder writes: the lease is its own, and the epoch is the one it claimed
    apply   anybody writes while nobody works: like a claim, but no lease is left behind

Whoever claims or applies takes the next epoch; that is the fencing token.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from adapters.action_secrets import ActionSecrets
from adapters.dynamodb.errors import (
    CancelRequested,
    LeaseLost,
    LineFull,
    LineMoved,
    RunMoved,
    ThreadMissing,
)
from adapters.dynamodb.event_log import EventLog
from adapters.dynamodb.leases import HELD, holder
from adapters.dynamodb.records import (
    raise_thread_refusal,
    read_line,
    thread_key,
)
from adapters.dynamodb.run_objects import RunObjects
from adapters.dynamodb.run_writes import RunWrites, as_read
from adapters.dynamodb.thread_line import ThreadLines, room
from adapters.dynamodb.transactions import (
    PATIENCE_SECONDS,
    ConditionFailed,
    Receipt,
    transact,
)
from adapters.dynamodb.values import Item, TextStore, scalar
from core.changes import Change, ThreadLine
from core.clock import Clock
from core.event_log import Batch, Cursor, Event, EventId
from core.records import RunPhase, RunRecord
from core.schema.authentication import Authentication
from core.schema.messages import Message

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


# What a worker commits was paid for, so it is tried for longer; its lease is renewed when a third
# of it is gone, and lasts as long.
HOLDERS_PATIENCE_SECONDS: Final = 10.0


class RunStore(RunObjects):
    """Runs, and the writes of what hangs on them: steps, messages, tool calls.

    Args:
        client: a DynamoDB client.
        table: the state table's name.
        log: the event log; its batches are part of the transactions.
        texts: takes documents that are too large for an item.
        clock: gives milliseconds.
        secrets: for authentications that runs bring for their actions.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        log: EventLog,
        texts: TextStore,
        clock: Clock,
        secrets: ActionSecrets,
    ) -> None:
        super().__init__(client, table, log, texts, secrets)
        self._clock = clock
        self._writes = RunWrites(table, texts, secrets)
        self._lines = ThreadLines(table)

    def create(
        self,
        run: RunRecord,
        events: Sequence[Event],
        messages: Sequence[Message],
        *,
        receipt: Receipt | None = None,
        thread: "Sequence[TransactWriteItemTypeDef] | None" = None,
        authentications: Mapping[str, Authentication] | None = None,
        thread_ttl_seconds: int | None = None,
    ) -> tuple[RunRecord, Batch]:
        """Create a run, lock its thread, add messages and log the first events, in one transaction.

        Args:
            run: the new run.
            events: its first events.
            messages: what is added to the thread with it.
            receipt: records the answer that tells of it.
            thread: the writes of its thread (`ThreadStore.creation`), if that is new as well.
            thread_ttl_seconds: how long that thread may lie idle.
            authentications: for the run's actions, by their ids; forgotten when the run ends.

        Returns:
            The run as stored, and the batch that was logged.

        Raises:
            Repeated: the request was answered before.
            ThreadMissing: there is no such thread.
            ThreadBusy: a run is active on it.
        """
        run, batch = _born(run, events)
        writes: list[TransactWriteItemTypeDef] = [
            self._lines.take(run, new_thread=thread is not None, ttl_seconds=thread_ttl_seconds),
            self._writes.put(run, authentications),
            *(self._writes.put_message(run.tenant, message) for message in messages),
            self._log.put(run.tenant, run.id, batch),
            *(thread or ()),
        ]
        try:
            transact(self._client, writes, receipt)
        except ConditionFailed as failure:
            raise_thread_refusal(failure.old.get(0, {}))
        return run, batch

    def enqueue(
        self,
        run: RunRecord,
        events: Sequence[Event],
        line: ThreadLine,
        *,
        interrupts: bool,
        receipt: Receipt | None = None,
        authentications: Mapping[str, Authentication] | None = None,
    ) -> tuple[RunRecord, Batch]:
        """Create a run that waits for its thread, and log its first events, in one transaction.

        Args:
            run: the new run; it waits.
            events: its first events.
            line: the thread's line as it was seen; a run is active.
            interrupts: whether all runs of the line are asked to cancel in the same transaction.
            receipt: records the answer that tells of it.
            authentications: for the run's actions, by their ids; forgotten when the run ends.

        Returns:
            The run as stored, and the batch that was logged.

        Raises:
            Repeated: the request was answered before.
            ThreadMissing: there is no such thread.
            LineFull: too many runs wait.
            RunMoved: the line is no longer as it was seen.
        """
        if not room(line, interrupts=interrupts):
            raise LineFull(len(line.waiting))
        run, batch = _born(run, events)
        places = self._lines.interrupt if interrupts else self._lines.join
        writes = [
            *places(run, line),
            self._writes.put(run, authentications),
            self._log.put(run.tenant, run.id, batch),
        ]
        try:
            transact(self._client, writes, receipt)
        except ConditionFailed as failure:
            lock = failure.old.get(0)
            if lock is not None and (not lock or "deleted" in lock):
                raise ThreadMissing from None
            raise RunMoved from None
        return run, batch

    def claim(self, change: Change) -> tuple[RunRecord, Batch | None, Cursor]:
        """Take a run: the change sets the lease.

        Returns:
            The run as claimed, what was logged, and where its holder goes on writing.

        Raises:
            RunMoved: somebody else was quicker, or works on it.
        """
        after, batch = self._take_epoch(change, keep_lease=True)
        cursor = Cursor(after.epoch, after.base)
        if batch is not None:
            cursor.advance(batch)
        return after, batch, cursor

    def apply(
        self, change: Change, receipt: Receipt | None = None
    ) -> tuple[RunRecord, Batch | None]:
        """Change a run that nobody works on.

        Returns:
            The run as stored, and what was logged.

        Raises:
            Repeated: the request was answered before.
            RunMoved: somebody moved the run since it was read, or works on it.
            LineMoved: the run ends, and the thread's line is not as the change has it.
        """
        return self._take_epoch(change, keep_lease=False, receipt=receipt)

    def commit(self, change: Change, cursor: Cursor, *, release: bool) -> RunRecord:
        """Write as the holder of the lease; the batch of the change's events is `cursor`'s next.

        Args:
            change: what to write; its events may be none.
            cursor: the holder's place in the log; it moves on.
            release: whether the step ends here, and with it the lease.

        Returns:
            The run as stored.

        Raises:
            LeaseLost: the lease is another's by now; nothing was written.
            CancelRequested: somebody asked to cancel, and this change is not the answer to that.
            LineMoved: the run ends, and the thread's line is not as the change has it.
            StoreUnavailable, ClientError, BotoCoreError: as `transact` says.
        """
        before = change.before
        batch = cursor.batch(change.events) if change.events else None
        end = batch.last if batch else cursor.last
        update: dict[str, Any] = {"epoch": before.epoch}
        if release:
            update |= {"lease_owner": None, "lease_until_ms": 0, "tail": end}
        after = change.after.model_copy(update=update)
        condition, values = HELD, holder(before)
        if after.status != "cancelled":
            condition += " AND attribute_not_exists(cancel_requested)"
        try:
            self._write(
                change, after, batch, condition, values, patience_seconds=HOLDERS_PATIENCE_SECONDS
            )
        except ConditionFailed as failure:
            old = failure.old.get(0, {})
            mine = (
                old.get("lease_owner") == values[":owner"] and old.get("epoch") == values[":epoch"]
            )
            if mine and "cancel_requested" in old:
                raise CancelRequested from None
            raise LeaseLost from None
        if batch is not None:
            cursor.advance(batch)
        return after

    # ---- parts of transactions ----------------------------------------------------------------

    def _take_epoch(
        self, change: Change, *, keep_lease: bool, receipt: Receipt | None = None
    ) -> tuple[RunRecord, Batch | None]:
        before = change.before
        end = change.follows or self._end_of_chain(before)
        first = EventId(before.epoch + 1, 0)
        batch = Batch(end, first, change.events) if change.events else None
        update: dict[str, Any] = {
            "epoch": first.epoch,
            "base": end,
            "tail": batch.last if batch else end,
        }
        if not keep_lease:
            update |= {"lease_owner": None, "lease_until_ms": 0}
        after = change.after.model_copy(update=update)
        condition, values = as_read(before)
        if before.lease_owner is not None:
            condition += " AND lease_until_ms < :now"
            values[":now"] = scalar(self._clock())
        try:
            self._write(change, after, batch, condition, values, receipt)
        except ConditionFailed:
            raise RunMoved from None
        return after, batch

    def _end_of_chain(self, run: RunRecord) -> EventId | None:
        """Return the log's last id that counts: noted at the last release, else looked up."""
        if run.lease_owner is None:
            return run.tail
        return self._log.newest(run.tenant, run.id, run.epoch) or run.base

    def _write(
        self,
        change: Change,
        after: RunRecord,
        batch: Batch | None,
        condition: str,
        values: Item,
        receipt: Receipt | None = None,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        before = change.before
        writes = self._writes.change(change, after, condition, values)
        if batch is not None:
            writes.append(self._log.put(before.tenant, before.id, batch))
        place = len(writes)
        if change.releases_thread:
            if before.phase is RunPhase.WAITING and before.id not in change.line.waiting:
                raise _not_in_place(before, self._lock(before))
            writes += self._lines.leave(change, self._clock())
        try:
            transact(self._client, writes, receipt, patience_seconds=patience_seconds)
        except ConditionFailed as failure:
            if min(failure.old) < place:
                raise
            raise _not_in_place(before, failure.old.get(place, {})) from None

    def _lock(self, run: RunRecord) -> Item:
        key = thread_key(run)
        found = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return found.get("Item", {})


def _born(run: RunRecord, events: Sequence[Event]) -> tuple[RunRecord, Batch]:
    """Return a new run with its log's end, and the log's first batch."""
    batch = Batch(None, EventId(run.epoch, 0), tuple(events))
    return run.model_copy(update={"tail": batch.last}), batch


def _not_in_place(run: RunRecord, lock: Item) -> LineMoved | ConditionFailed:
    """Return what refuses the end of a run whose place in the line is not as it was seen.

    Args:
        run: the run.
        lock: its thread's lock as it is. If the run is not there as it was read, others moved it.
    """
    line = read_line(lock)
    waits = run.phase is RunPhase.WAITING
    in_place = run.id in line.waiting if waits else run.id == line.active
    return LineMoved(line) if in_place else ConditionFailed({})
