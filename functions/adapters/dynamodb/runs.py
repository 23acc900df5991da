"""Runs: the conditional writes on which everything rests.

    claim   a worker takes the run: the epoch it read is still the newest, nobody's lease is live
    commit  the holder writes: the lease is its own, and the epoch is the one it claimed
    apply   anybody writes while nobody works: like a claim, but no lease is left behind

Whoever claims or applies takes the next epoch; that is the fencing token.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from adapters.dynamodb import keyspace
from adapters.dynamodb.errors import CancelRequested, LeaseLost, RunMoved, StoreUnavailable
from adapters.dynamodb.event_log import EventLog
from adapters.dynamodb.leases import HELD, holder
from adapters.dynamodb.queries import query_page
from adapters.dynamodb.records import (
    call_item,
    message_update,
    raise_thread_refusal,
    read_message,
    step_key,
)
from adapters.dynamodb.run_items import changed_attributes, read_run, run_item, run_key
from adapters.dynamodb.thread_locks import releasing, taking
from adapters.dynamodb.transactions import (
    ConditionFailed,
    Receipt,
    is_condition_failure,
    transact,
)
from adapters.dynamodb.values import Item, TextStore, scalar
from core.changes import Change, Leftovers
from core.clock import Clock
from core.endings import with_logged_content
from core.event_log import Batch, Cursor, Event, EventId
from core.paging import PageQuery, page_of
from core.records import CallRecord, CallState, RunRecord
from core.schema.common import ListPage
from core.schema.messages import Message
from core.schema.runs import Run
from core.schema.steps import RunStep

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_METADATA_ROUNDS: Final = 6


class RunStore:
    """Runs, and the writes of what hangs on them: steps, messages, tool calls.

    Args:
        client: a DynamoDB client.
        table: the state table's name.
        log: the event log; its batches are part of the transactions.
        texts: takes documents that are too large for an item.
        clock: gives milliseconds.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        log: EventLog,
        texts: TextStore,
        clock: Clock,
    ) -> None:
        self._client = client
        self._table = table
        self._log = log
        self._texts = texts
        self._clock = clock

    # ---- reading ------------------------------------------------------------------------------

    def get(self, tenant: str, thread_id: str, run_id: str) -> RunRecord | None:
        """Return a run (strongly consistent); None if there is none."""
        item = self._item(tenant, thread_id, run_id)
        return read_run(item, self._texts) if item else None

    def list(self, tenant: str, thread_id: str, query: PageQuery) -> ListPage[Run]:
        """Return a page of a thread's runs."""
        items = query_page(
            self._client, self._table, keyspace.thread(tenant, thread_id), keyspace.RUN, query
        )
        runs = [read_run(item, self._texts).to_wire() for item in items]
        return page_of(runs, query, lambda run: run.id)

    def open_records(self, run: RunRecord) -> Leftovers:
        """Return what a run left open: its message, with the content that was logged, and its step.

        Needed when a run ends, or is taken over, without the worker that was writing. That worker
        may still be adding to the log: the change that follows closes just what is read here.
        """
        step = None if run.open_step is None else self.step(run, run.open_step)
        if run.open_message is None:
            return Leftovers(step=step)
        item = self._client.get_item(
            TableName=self._table,
            Key={
                "pk": {"S": keyspace.thread(run.tenant, run.thread_id)},
                "sk": {"S": keyspace.MESSAGE + run.open_message},
            },
            ConsistentRead=True,
        ).get("Item")
        if item is None:
            return Leftovers(step=step)
        message = read_message(item, self._texts)
        batches = [
            batch
            for batch in self._log.read(run.tenant, run.id)
            if batch.first.epoch == run.epoch or (run.base is not None and batch.last <= run.base)
        ]
        events = [event for batch in batches for event in batch.events]
        seen = batches[-1].last if batches else None
        return Leftovers(with_logged_content(message, events), step, seen)

    def step(self, run: RunRecord, step_id: str) -> RunStep | None:
        """Return one of the run's steps (strongly consistent)."""
        item = self._client.get_item(
            TableName=self._table, Key=step_key(run, step_id), ConsistentRead=True
        ).get("Item")
        return RunStep.model_validate_json(self._texts.unpack(item["doc"])) if item else None

    # ---- writing ------------------------------------------------------------------------------

    def create(
        self,
        run: RunRecord,
        events: Sequence[Event],
        messages: Sequence[Message],
        *,
        receipt: Receipt | None = None,
        thread: "Sequence[TransactWriteItemTypeDef] | None" = None,
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

        Returns:
            The run as stored, and the batch that was logged.

        Raises:
            Repeated: the request was answered before.
            ThreadMissing: there is no such thread.
            ThreadBusy: a run is active on it.
        """
        batch = Batch(None, EventId(run.epoch, 0), tuple(events))
        run = run.model_copy(update={"tail": batch.last})
        writes: list[TransactWriteItemTypeDef] = [
            taking(self._table, run, new=thread is not None, ttl_seconds=thread_ttl_seconds),
            {"Put": {"TableName": self._table, "Item": run_item(run, self._texts)}},
            *(self._put_message(run.tenant, message) for message in messages),
            self._log.put(run.tenant, run.id, batch),
            *(thread or ()),
        ]
        try:
            transact(self._client, writes, receipt)
        except ConditionFailed as failure:
            raise_thread_refusal(failure.old.get(0, {}))
        return run, batch

    def set_metadata(
        self, tenant: str, thread_id: str, run_id: str, metadata: dict[str, str]
    ) -> RunRecord | None:
        """Set a run's metadata; return the run as it is then, or None if there is none.

        Nobody who works on the run writes its configuration, so this needs no lease.
        """
        for _ in range(_METADATA_ROUNDS):
            item = self._item(tenant, thread_id, run_id)
            if item is None:
                return None
            run = read_run(item, self._texts)
            config = run.config.model_copy(update={"metadata": metadata})
            document = self._texts.pack(tenant, config.model_dump_json())
            try:
                changed = self._client.update_item(
                    TableName=self._table,
                    Key=run_key(tenant, thread_id, run_id),
                    UpdateExpression="SET config = :new",
                    ConditionExpression="config = :old",
                    ExpressionAttributeValues={":new": document, ":old": item["config"]},
                    ReturnValues="ALL_NEW",
                )["Attributes"]
            except ClientError as error:
                self._texts.discard(document)
                if not is_condition_failure(error):
                    raise
            else:
                self._texts.discard(item["config"])
                return read_run(changed, self._texts)
        raise StoreUnavailable("Others changed the run each time that it was to be changed.")

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
            self._write(change, after, batch, condition, values)
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

    def _item(self, tenant: str, thread_id: str, run_id: str) -> Item | None:
        return self._client.get_item(
            TableName=self._table, Key=run_key(tenant, thread_id, run_id), ConsistentRead=True
        ).get("Item")

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
        condition, values = _as_read(before)
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
    ) -> None:
        before = change.before
        writes: list[TransactWriteItemTypeDef] = [
            self._update_run(before, after, condition, values),
            *(self._put_step(before, step) for step in change.steps),
            *(self._put_message(before.tenant, message) for message in change.messages),
            *(self._put_call(before, call) for call in change.calls),
        ]
        if batch is not None:
            writes.append(self._log.put(before.tenant, before.id, batch))
        if change.releases_thread:
            writes.append(releasing(self._table, before, self._clock() // 1000))
        transact(self._client, writes, receipt)

    def _update_run(
        self, before: RunRecord, after: RunRecord, condition: str, values: Item
    ) -> "TransactWriteItemTypeDef":
        changed = changed_attributes(before, after, self._texts)
        names = {f"#{name}": name for name in changed}
        sets = [f"#{name} = :new_{name}" for name, value in changed.items() if value is not None]
        removals = [f"#{name}" for name, value in changed.items() if value is None]
        expression = " ".join(
            f"{verb} {', '.join(parts)}"
            for verb, parts in (("SET", sets), ("REMOVE", removals))
            if parts
        )
        new = {f":new_{name}": value for name, value in changed.items() if value is not None}
        return {
            "Update": {
                "TableName": self._table,
                "Key": run_key(before.tenant, before.thread_id, before.id),
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": new | values,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _put_message(self, tenant: str, message: Message) -> "TransactWriteItemTypeDef":
        return message_update(self._table, tenant, message, self._texts)

    def _put_step(self, run: RunRecord, step: RunStep) -> "TransactWriteItemTypeDef":
        doc = self._texts.pack(run.tenant, step.model_dump_json())
        return {"Put": {"TableName": self._table, "Item": step_key(run, step.id) | {"doc": doc}}}

    def _put_call(self, run: RunRecord, call: CallRecord) -> "TransactWriteItemTypeDef":
        return {
            "Put": {
                "TableName": self._table,
                "Item": call_item(run, call, self._texts),
                "ConditionExpression": "attribute_not_exists(pk) OR #state <> :done",
                "ExpressionAttributeNames": {"#state": "state"},
                "ExpressionAttributeValues": {":done": {"S": CallState.DONE.value}},
            }
        }


def _as_read(run: RunRecord) -> tuple[str, Item]:
    """Return the condition that nobody has moved a run since it was read.

    Its epoch alone does not tell: the holder of a lease that is over may still commit under it, and
    then the lease is gone, or may open a step.
    """
    condition = "epoch = :epoch"
    values: Item = {":epoch": scalar(run.epoch)}
    for name in ("lease_owner", "open_step", "open_message"):
        value = getattr(run, name)
        if value is None:
            condition += f" AND attribute_not_exists({name})"
        else:
            condition += f" AND {name} = :read_{name}"
            values[f":read_{name}"] = scalar(value)
    return condition, values
