"""Messages: added while no run is active on their thread, and labelled at any time."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from adapters.dynamodb import keyspace
from adapters.dynamodb.documents import key
from adapters.dynamodb.errors import MessageOpen
from adapters.dynamodb.queries import batch_get, query_page
from adapters.dynamodb.records import message_item, raise_thread_refusal, read_message
from adapters.dynamodb.thread_locks import adding
from adapters.dynamodb.transactions import (
    ConditionFailed,
    Receipt,
    is_condition_failure,
    transact,
)
from adapters.dynamodb.values import Item, TextStore
from core.paging import PageQuery, page_of
from core.schema.common import ListPage
from core.schema.messages import Message

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


class MessageStore:
    """Messages of threads. The ones that a run writes are part of the run's transactions.

    Args:
        client: a DynamoDB client.
        table: the state table's name.
        texts: takes messages that are too large for an item.
    """

    def __init__(self, client: "DynamoDBClient", table: str, texts: TextStore) -> None:
        self._client = client
        self._table = table
        self._texts = texts

    def add(self, tenant: str, message: Message, receipt: Receipt | None = None) -> None:
        """Add a message to a thread on which no run is active, in one transaction.

        Raises:
            Repeated: the request was answered before.
            ThreadMissing: there is no such thread.
            ThreadBusy: a run is active on it.
        """
        lock = adding(self._table, tenant, message.thread_id, message.created_at)
        put: TransactWriteItemTypeDef = {
            "Put": {"TableName": self._table, "Item": message_item(tenant, message, self._texts)}
        }
        try:
            transact(self._client, [lock, put], receipt)
        except ConditionFailed as failure:
            raise_thread_refusal(failure.old.get(0, {}))

    def get(self, tenant: str, thread_id: str, message_id: str) -> Message | None:
        """Return a message (strongly consistent); None if there is none."""
        item = self._client.get_item(
            TableName=self._table, Key=_key(tenant, thread_id, message_id), ConsistentRead=True
        ).get("Item")
        return read_message(item, self._texts) if item else None

    def get_many(self, tenant: str, thread_id: str, ids: Sequence[str]) -> dict[str, Message]:
        """Return those messages that exist, by id, in a request a hundred."""
        keys = [_key(tenant, thread_id, message_id) for message_id in dict.fromkeys(ids)]
        items = batch_get(self._client, self._table, keys)
        messages = (read_message(item, self._texts) for item in items)
        return {message.id: message for message in messages}

    def list(self, tenant: str, thread_id: str, query: PageQuery) -> ListPage[Message]:
        """Return a page of a thread's messages."""
        partition = keyspace.thread(tenant, thread_id)
        items = query_page(self._client, self._table, partition, keyspace.MESSAGE, query)
        messages = [read_message(item, self._texts) for item in items]
        return page_of(messages, query, lambda found: found.id)

    def set_metadata(
        self, tenant: str, thread_id: str, message_id: str, metadata: dict[str, str]
    ) -> Message | None:
        """Set a message's metadata; return the message, or None if there is none.

        It is an attribute of its own, so that whoever is writing the message does not undo it.
        """
        try:
            item = self._client.update_item(
                TableName=self._table,
                Key=_key(tenant, thread_id, message_id),
                UpdateExpression="SET metadata = :metadata",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":metadata": {"S": json.dumps(metadata)}},
                ReturnValues="ALL_NEW",
            )["Attributes"]
        except ClientError as error:
            if is_condition_failure(error):
                return None
            raise
        return read_message(item, self._texts)

    def delete(self, tenant: str, thread_id: str, message_id: str) -> bool:
        """Delete a message; tell whether there was one.

        Raises:
            MessageOpen: a run is writing it.
        """
        try:
            old = self._client.delete_item(
                TableName=self._table,
                Key=_key(tenant, thread_id, message_id),
                ConditionExpression="attribute_not_exists(#open)",
                ExpressionAttributeNames={"#open": "open"},
                ReturnValues="ALL_OLD",
            ).get("Attributes")
        except ClientError as error:
            if is_condition_failure(error):
                raise MessageOpen from None
            raise
        if not old:
            return False
        self._texts.discard(old["doc"])
        return True


def _key(tenant: str, thread_id: str, message_id: str) -> Item:
    return key(keyspace.thread(tenant, thread_id), keyspace.MESSAGE + message_id)
