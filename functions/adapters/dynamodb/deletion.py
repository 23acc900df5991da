"""Deletes threads and runs with all that hangs on them: marked in one write, then swept.

A sweep stops when its time is up, and is killed without harm: what is gone is gone, and what says
that there is more to delete (the thread's lock, the run's item) goes last. An object in the bucket
goes before the item that refers to it, or nobody would know of it any more.

Left alone is what passes by itself: subscriptions to the thread, answers of repeated requests, and
events that a runner adds after its run was taken from it.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from adapters.dynamodb import keyspace
from adapters.dynamodb.documents import key
from adapters.dynamodb.errors import StoreUnavailable
from adapters.dynamodb.records import raise_thread_refusal
from adapters.dynamodb.run_items import run_key
from adapters.dynamodb.thread_locks import FREE, PRESENT, lock_key
from adapters.dynamodb.transactions import ConditionFailed, Receipt, transact
from adapters.dynamodb.values import Item, TextStore, scalar

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_DELETED_AT_ONCE: Final = 25
_ATTEMPTS: Final = 8
_FIRST_PAUSE_SECONDS: Final = 0.02

# Tells whether a sweep shall stop and leave the rest for the next one.
TimeIsUp = Callable[[], bool]


class Deletions:
    """Marks and sweeps.

    Args:
        client: a DynamoDB client.
        state_table, stream_table: the tables' names.
        texts: has the documents that are too large for an item.
    """

    def __init__(
        self, client: "DynamoDBClient", state_table: str, stream_table: str, texts: TextStore
    ) -> None:
        self._client = client
        self._state = state_table
        self._stream = stream_table
        self._texts = texts

    def mark_thread(
        self,
        tenant: str,
        thread_id: str,
        receipt: Receipt | None = None,
        *,
        idle_since: int | None = None,
    ) -> None:
        """Take a thread out of clients' sight, and let nothing more be added to it.

        Args:
            tenant: whose it is.
            thread_id: the thread.
            receipt: records the answer that tells of it.
            idle_since: only if it has lain idle since then (unix seconds).

        Raises:
            Repeated: the request was answered before.
            ThreadMissing: there is no such thread, or it is marked already.
            ThreadBusy: it has not lain idle.
        """
        condition = PRESENT
        values: Item = {":deleted": scalar(True)}
        if idle_since is not None:
            condition = f"{FREE} AND last_active = :since"
            values[":since"] = scalar(idle_since)
        writes: list[TransactWriteItemTypeDef] = [
            {
                "Update": {
                    "TableName": self._state,
                    "Key": lock_key(tenant, thread_id),
                    "UpdateExpression": "SET deleted = :deleted",
                    "ConditionExpression": condition,
                    "ExpressionAttributeValues": values,
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            },
            {
                "Delete": {
                    "TableName": self._state,
                    "Key": key(keyspace.threads(tenant), thread_id),
                    "ConditionExpression": "attribute_exists(pk)",
                }
            },
        ]
        try:
            transact(self._client, writes, receipt)
        except ConditionFailed as failure:
            raise_thread_refusal(failure.old.get(0, {}))

    def sweep_thread(self, tenant: str, thread_id: str, time_is_up: TimeIsUp) -> bool:
        """Delete a marked thread on which no run is active; tell whether all of it is gone.

        Runs go first, each after what it has; then messages; the lock last.

        Raises:
            StoreUnavailable: the table took no deletions for too long.
        """
        partition = keyspace.thread(tenant, thread_id)
        for item in self._items(self._state, partition, keyspace.RUN):
            if not self._sweep_run(tenant, item, time_is_up):
                return False
        if not self._sweep(self._state, partition, keyspace.MESSAGE, time_is_up):
            return False
        self._client.delete_item(TableName=self._state, Key=lock_key(tenant, thread_id))
        return True

    def sweep_run(self, tenant: str, thread_id: str, run_id: str, time_is_up: TimeIsUp) -> bool:
        """Delete a run that has ended, with its steps, calls and log; tell whether all is gone.

        The messages that it wrote are the thread's, and stay.

        Raises:
            StoreUnavailable: the table took no deletions for too long.
        """
        item = self._client.get_item(
            TableName=self._state, Key=run_key(tenant, thread_id, run_id), ConsistentRead=True
        ).get("Item")
        return item is None or self._sweep_run(tenant, item, time_is_up)

    def _sweep_run(self, tenant: str, item: Item, time_is_up: TimeIsUp) -> bool:
        partition = keyspace.run(tenant, item["sk"]["S"].removeprefix(keyspace.RUN))
        swept = self._sweep(self._stream, partition, "", time_is_up) and self._sweep(
            self._state, partition, "", time_is_up
        )
        if not swept or time_is_up():
            return False
        self._delete(self._state, [item])
        return True

    def _sweep(self, table: str, partition: str, prefix: str, time_is_up: TimeIsUp) -> bool:
        waiting: list[Item] = []
        for item in self._items(table, partition, prefix):
            waiting.append(item)
            if len(waiting) == _DELETED_AT_ONCE:
                if time_is_up():
                    return False
                self._delete(table, waiting)
                waiting = []
        if waiting and time_is_up():
            return False
        self._delete(table, waiting)
        return True

    def _items(self, table: str, partition: str, prefix: str) -> Iterator[Item]:
        """Yield a partition's items whose sort key begins like this (strongly consistent)."""
        condition, values = "pk = :pk", {":pk": {"S": partition}}
        if prefix:
            condition += " AND begins_with(sk, :sk)"
            values[":sk"] = {"S": prefix}
        pages = self._client.get_paginator("query").paginate(
            TableName=table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]

    def _delete(self, table: str, items: Sequence[Item]) -> None:
        """Delete up to 25 items, and first the objects that they refer to."""
        self._texts.discard(*(value for item in items for value in item.values()))
        left: list[Any] = [
            {"DeleteRequest": {"Key": {"pk": item["pk"], "sk": item["sk"]}}} for item in items
        ]
        pause = _FIRST_PAUSE_SECONDS
        for _ in range(_ATTEMPTS):
            if not left:
                return
            answer = self._client.batch_write_item(RequestItems={table: left})
            left = list(answer.get("UnprocessedItems", {}).get(table, ()))
            if left:
                time.sleep(pause * (0.5 + random.random()))
                pause *= 2
        if left:
            raise StoreUnavailable("The table took no deletions for too long.")
