"""WebSocket connections and what they are subscribed to, in the stream table; all with a TTL."""

from typing import TYPE_CHECKING, NamedTuple

from adapters.dynamodb import keyspace
from adapters.dynamodb.access_items import access_attributes, read_access
from adapters.dynamodb.documents import key as item_key
from adapters.dynamodb.values import Item, scalar
from core.access import Access
from core.clock import Clock

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

# The gateway ends a connection after two hours.
TTL_SECONDS = 2 * 3600 + 300
_WHOLE_THREAD = "*"


class Subscription(NamedTuple):
    """What a connection watches: a run, or all runs of a thread (`run_id` is None)."""

    connection_id: str
    thread_id: str
    run_id: str | None


class Subscriptions:
    """Who watches what.

    Args:
        client: a DynamoDB client.
        table: the stream table's name.
        clock: gives milliseconds.
    """

    def __init__(self, client: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def connect(self, connection_id: str, access: Access) -> None:
        """Remember whose connection it is."""
        self._put(_meta(connection_id) | access_attributes(access))

    def access_of(self, connection_id: str) -> Access | None:
        """Return whose connection it is; None if it is not known."""
        item = self._client.get_item(
            TableName=self._table, Key=_meta(connection_id), ConsistentRead=True
        ).get("Item")
        return read_access(item) if item else None

    def add(self, tenant: str, subscription: Subscription) -> None:
        """Register a subscription; from now on writers see it.

        The connection's own list is written first, so that nothing outlives a disconnect.
        """
        of_connection, of_thread = _keys(tenant, subscription)
        self._put(of_connection | {"tenant": {"S": tenant}})
        self._put(of_thread)

    def remove(self, tenant: str, subscription: Subscription) -> None:
        """End a subscription."""
        for key in reversed(_keys(tenant, subscription)):
            self._client.delete_item(TableName=self._table, Key=key)

    def of_run(self, tenant: str, thread_id: str, run_id: str) -> list[str]:
        """Return the connections that watch a run (strongly consistent).

        A writer asks after it has logged: whoever registered before reads the log afterwards, so
        nobody misses a batch.
        """
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={
                ":pk": {"S": keyspace.thread(tenant, thread_id)},
                ":sk": {"S": keyspace.SUBSCRIPTION},
            },
            ProjectionExpression="sk",
            ConsistentRead=True,
        )
        found = (_parse(item["sk"]["S"]) for page in pages for item in page["Items"])
        wanted = (run_id, _WHOLE_THREAD)
        return list(dict.fromkeys(connection for connection, run in found if run in wanted))

    def disconnect(self, connection_id: str) -> None:
        """Forget a connection and all that it is subscribed to."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": keyspace.connection(connection_id)}},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                if item["sk"]["S"] != keyspace.META:
                    _, thread_id, run = item["sk"]["S"].split("#")
                    run_id = None if run == _WHOLE_THREAD else run
                    subscription = Subscription(connection_id, thread_id, run_id)
                    self.remove(item["tenant"]["S"], subscription)
                else:
                    self._client.delete_item(TableName=self._table, Key=_meta(connection_id))

    def _put(self, item: Item) -> None:
        expires = {"expires_at": scalar(self._clock() // 1000 + TTL_SECONDS)}
        self._client.put_item(TableName=self._table, Item=item | expires)


def _keys(tenant: str, subscription: Subscription) -> tuple[Item, Item]:
    run = subscription.run_id or _WHOLE_THREAD
    of_connection = item_key(
        keyspace.connection(subscription.connection_id),
        f"{keyspace.SUBSCRIPTION}{subscription.thread_id}#{run}",
    )
    of_thread = item_key(
        keyspace.thread(tenant, subscription.thread_id),
        f"{keyspace.SUBSCRIPTION}{subscription.connection_id}#{run}",
    )
    return of_connection, of_thread


def _parse(sort_key: str) -> tuple[str, str]:
    _, connection_id, run = sort_key.split("#")
    return connection_id, run


def _meta(connection_id: str) -> Item:
    return item_key(keyspace.connection(connection_id), keyspace.META)
