"""Internal tool calls: read, and claimed before anybody acts on them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.dynamodb import keyspace
from adapters.dynamodb.errors import CallTaken
from adapters.dynamodb.records import call_key, read_call
from adapters.dynamodb.run_items import run_key
from adapters.dynamodb.transactions import ConditionFailed, transact
from adapters.dynamodb.values import TextStore
from core.records import CallRecord, CallState, RunPhase, RunRecord

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


class ToolCalls:
    """The tool calls of runs; they are written by their run's transactions.

    Args:
        client: a DynamoDB client.
        table: the state table's name.
        texts: has the documents that are too large for an item.
    """

    def __init__(self, client: "DynamoDBClient", table: str, texts: TextStore) -> None:
        self._client = client
        self._table = table
        self._texts = texts

    def of_step(self, run: RunRecord, step_id: str) -> Sequence[CallRecord]:
        """Return a step's internal tool calls in their order (strongly consistent)."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={
                ":pk": {"S": keyspace.run(run.tenant, run.id)},
                ":sk": {"S": keyspace.call(step_id, "")},
            },
            ConsistentRead=True,
        )
        calls = [read_call(item, self._texts) for page in pages for item in page["Items"]]
        return sorted(calls, key=lambda call: call.index)

    def get(self, run: RunRecord, step_id: str, call_id: str) -> CallRecord | None:
        """Return an internal tool call (strongly consistent); None if there is none."""
        key = call_key(run, step_id, call_id)
        item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get(
            "Item"
        )
        return read_call(item, self._texts) if item else None

    def claim(self, run: RunRecord, call: CallRecord) -> None:
        """Take a call before acting on it: whoever has it is the only one who may act.

        Raises:
            CallTaken: somebody has it, or the run no longer wants it.
        """
        writes: list[TransactWriteItemTypeDef] = [
            {
                "ConditionCheck": {
                    "TableName": self._table,
                    "Key": run_key(run.tenant, run.thread_id, run.id),
                    "ConditionExpression": (
                        "phase = :tools AND open_step = :step "
                        "AND attribute_not_exists(cancel_requested)"
                    ),
                    "ExpressionAttributeValues": {
                        ":tools": {"S": RunPhase.TOOLS.value},
                        ":step": {"S": call.step_id},
                    },
                }
            },
            {
                "Update": {
                    "TableName": self._table,
                    "Key": call_key(run, call.step_id, call.call_id),
                    "UpdateExpression": "SET #state = :claimed",
                    "ConditionExpression": "#state = :pending",
                    "ExpressionAttributeNames": {"#state": "state"},
                    "ExpressionAttributeValues": {
                        ":claimed": {"S": CallState.CLAIMED.value},
                        ":pending": {"S": CallState.PENDING.value},
                    },
                }
            },
        ]
        try:
            transact(self._client, writes)
        except ConditionFailed:
            raise CallTaken from None
