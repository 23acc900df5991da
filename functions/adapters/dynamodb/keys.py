"""API keys, found by their hash."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from adapters.dynamodb import keyspace
from adapters.dynamodb.documents import key as item_key
from adapters.dynamodb.transactions import transact
from adapters.dynamodb.values import Item
from core.clock import Clock, system_clock
from core.expiring import Expiring
from core.ids import IdSource
from core.keys import KeyRecord, hash_key, new_key

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

# A deleted key may work for this long in a warm function.
CACHE_SECONDS = 30
_CACHE_SIZE = 1000


class KeyStore:
    """Keys and who they belong to.

    Args:
        client: a DynamoDB client.
        table: the state table's name.
        clock: gives milliseconds.
        monotonic: gives seconds, for the cache.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        clock: Clock = system_clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._monotonic = monotonic
        self._cache: Expiring[str, KeyRecord] = Expiring(_CACHE_SIZE, monotonic)
        self._live: Expiring[tuple[str, str], bool] = Expiring(_CACHE_SIZE, monotonic)

    def find(self, key: str) -> KeyRecord | None:
        """Return what is known of a key; None if it is not known.

        A key that was found is remembered for `CACHE_SECONDS`, so that most requests read nothing;
        a key that was not found is looked up each time.
        """
        key_hash = hash_key(key)
        cached = self._cache.get(key_hash)
        if cached is not None:
            return cached
        item = self._client.get_item(
            TableName=self._table, Key=item_key(keyspace.api_key(key_hash), keyspace.META)
        ).get("Item")
        if item is None:
            self._cache.drop(key_hash)
            return None
        record = KeyRecord.model_validate_json(item["doc"]["S"])
        self._cache.put(key_hash, record, self._monotonic() + CACHE_SECONDS)
        return record

    def is_live(self, tenant: str, key_id: str) -> bool:
        """Tell whether a project still has a service account's key, as `find` would find it.

        For connections, which outlive their handshake: a key that is there is remembered for
        `CACHE_SECONDS`.
        """
        account = (tenant, key_id)
        if self._live.get(account):
            return True
        listed = item_key(keyspace.service_accounts(tenant), key_id)
        if "Item" not in self._client.get_item(TableName=self._table, Key=listed):
            self._live.drop(account)
            return False
        self._live.put(account, True, self._monotonic() + CACHE_SECONDS)
        return True

    def create(self, record: KeyRecord, key: str) -> None:
        """Store a key's hash, under the hash and in its project's list."""
        key_hash = hash_key(key)
        doc = {"doc": {"S": record.model_dump_json()}}
        by_hash: Item = item_key(keyspace.api_key(key_hash), keyspace.META) | doc
        listed: Item = (
            item_key(keyspace.service_accounts(record.tenant), record.id)
            | doc
            | {"hash": {"S": key_hash}}
        )
        transact(
            self._client,
            [{"Put": {"TableName": self._table, "Item": item}} for item in (by_hash, listed)],
        )

    def delete(self, tenant: str, key_id: str) -> bool:
        """Delete a key; tell whether there was one."""
        listed = item_key(keyspace.service_accounts(tenant), key_id)
        item = self._client.get_item(TableName=self._table, Key=listed, ConsistentRead=True).get(
            "Item"
        )
        if item is None:
            return False
        key_hash = item["hash"]["S"]
        transact(
            self._client,
            [
                {"Delete": {"TableName": self._table, "Key": key}}
                for key in (item_key(keyspace.api_key(key_hash), keyspace.META), listed)
            ],
        )
        self._cache.drop(key_hash)
        self._live.drop((tenant, key_id))
        return True

    def create_admin_key(self, name: str) -> str:
        """Create a key that may administer projects, and return it: it is not shown again.

        There is no endpoint for this: it takes AWS credentials that may write the table.
        """
        key = new_key("admin")
        record = KeyRecord(
            id=IdSource(self._clock).new("key"),
            tenant="",
            scope="admin",
            name=name,
            created_at=self._clock() // 1000,
        )
        self.create(record, key)
        return key
