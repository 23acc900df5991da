"""The event log of runs, in the stream table: one item a batch, gone after a while."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from adapters.dynamodb import keyspace
from adapters.dynamodb.faults import silence
from adapters.dynamodb.values import Item, TextStore, scalar
from core.clock import Clock
from core.event_log import Batch, Event, EventId, drop_void

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_LAST_SEQ = 9_999_999_999
_PAGE_SIZE = 1000


class EventLog:
    """Reads and writes batches.

    Args:
        client: a DynamoDB client.
        table: the stream table's name.
        texts: takes batches that are too large for an item.
        clock: gives milliseconds.
        ttl_seconds: how long a batch can be read.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        texts: TextStore,
        clock: Clock,
        ttl_seconds: int,
    ) -> None:
        self._client = client
        self._table = table
        self._texts = texts
        self._clock = clock
        self._ttl_seconds = ttl_seconds

    def append(self, tenant: str, run_id: str, batch: Batch) -> None:
        """Write a batch on its own: for the holder of the run's lease, between its transactions.

        Raises:
            StoreSilent: it may be written or not; writing the same batch again makes sure.
        """
        item = self._item(tenant, run_id, batch)
        with silence():
            self._client.put_item(TableName=self._table, Item=item)

    def put(self, tenant: str, run_id: str, batch: Batch) -> "TransactWriteItemTypeDef":
        """Return the write of a batch as a part of a transaction."""
        return {"Put": {"TableName": self._table, "Item": self._item(tenant, run_id, batch)}}

    def newest(self, tenant: str, run_id: str, epoch: int) -> EventId | None:
        """Return the newest id that was written under an epoch (strongly consistent)."""
        items = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
            ExpressionAttributeValues={
                ":pk": {"S": keyspace.run(tenant, run_id)},
                ":low": {"S": keyspace.log(EventId(epoch, 0))},
                ":high": {"S": keyspace.log(EventId(epoch, _LAST_SEQ))},
            },
            ScanIndexForward=False,
            Limit=1,
            ConsistentRead=True,
        )["Items"]
        return self._read(items[0]).last if items else None

    def read(self, tenant: str, run_id: str, after: EventId | None = None) -> list[Batch]:
        """Return what lies on the chain after an id (strongly consistent), ascending."""
        batches = drop_void(list(self._stored(tenant, run_id, after)))
        trimmed = (batch.since(after) for batch in batches)
        return [batch for batch in trimmed if batch is not None]

    def beyond(self, tenant: str, run_id: str, after: EventId | None) -> list[Batch]:
        """Return all batches that end beyond an id, void ones among them, ascending.

        For who follows the log and has what comes before (`core.event_tail`): while nothing is new,
        nothing is read.
        """
        return list(self._stored(tenant, run_id, after, inclusive=False))

    def page(
        self, tenant: str, run_id: str, after: EventId | None, limit: int
    ) -> tuple[list[tuple[EventId, Event]], bool]:
        """Return up to `limit` events after an id, and whether there are more.

        Reads as far as the page needs, and the first batch of the next epoch, which tells what of
        the page's last epoch is void.
        """
        batches: list[Batch] = []
        count = 0
        for batch in self._stored(tenant, run_id, after, page_size=limit + 1):
            batches.append(batch)
            trimmed = batch.since(after)
            count += len(trimmed.events) if trimmed else 0
            if count > limit:
                beyond = EventId(batch.first.epoch, _LAST_SEQ)
                batches += self._first_batch(tenant, run_id, beyond)
                break
        events = [
            numbered
            for batch in drop_void(batches)
            if (trimmed := batch.since(after)) is not None
            for numbered in trimmed.numbered()
        ]
        return events[:limit], len(events) > limit

    def _first_batch(self, tenant: str, run_id: str, after: EventId) -> list[Batch]:
        return list(islice(self._stored(tenant, run_id, after, page_size=1), 1))

    def _stored(
        self,
        tenant: str,
        run_id: str,
        after: EventId | None,
        *,
        page_size: int = _PAGE_SIZE,
        inclusive: bool = True,
    ) -> Iterator[Batch]:
        """Yield batches from the one that ends with an id on, or beyond it."""
        low = keyspace.LOG if after is None else keyspace.log(after)
        if not inclusive:
            low += "!"
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :low AND :high",
            ExpressionAttributeValues={
                ":pk": {"S": keyspace.run(tenant, run_id)},
                ":low": {"S": low},
                ":high": {"S": keyspace.LOG + "~"},
            },
            ConsistentRead=True,
            PaginationConfig={"PageSize": page_size},
        )
        for page in pages:
            for item in page["Items"]:
                yield self._read(item)

    def _item(self, tenant: str, run_id: str, batch: Batch) -> Item:
        events = json.dumps(
            [[event.name, event.data] for event in batch.events],
            separators=(",", ":"),
            ensure_ascii=False,
        )
        item: Item = {
            "pk": {"S": keyspace.run(tenant, run_id)},
            "sk": {"S": keyspace.log(batch.last)},
            "first": scalar(str(batch.first)),
            "events": self._texts.pack(tenant, events),
            "expires_at": scalar(self._clock() // 1000 + self._ttl_seconds),
        }
        if batch.after is not None:
            item["after"] = scalar(str(batch.after))
        return item

    def _read(self, item: Item) -> Batch:
        return Batch(
            after=EventId.parse(item["after"]["S"]) if "after" in item else None,
            first=EventId.parse(item["first"]["S"]),
            events=tuple(
                Event(name, data) for name, data in json.loads(self._texts.unpack(item["events"]))
            ),
        )
