"""Threads: the object that clients see, and the lock that decides who may add to it.

The object is listed with the tenant's other threads, and so apart from its lock.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from adapters.dynamodb import keyspace
from adapters.dynamodb.documents import Documents
from adapters.dynamodb.errors import ThreadMissing
from adapters.dynamodb.records import message_item
from adapters.dynamodb.thread_locks import lock_item, lock_key, read_lock
from adapters.dynamodb.transactions import MAX_ITEMS, Receipt, transact
from adapters.dynamodb.values import TextStore
from core.lifetimes import ThreadLock
from core.paging import PageQuery, page_of
from core.schema.common import ListPage
from core.schema.messages import Message
from core.schema.threads import Thread

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


class ThreadStore:
    """Threads and their locks.

    Args:
        client: a DynamoDB client.
        table: the state table's name.
        texts: takes documents that are too large for an item.
    """

    def __init__(self, client: "DynamoDBClient", table: str, texts: TextStore) -> None:
        self._client = client
        self._table = table
        self._texts = texts
        self._documents = Documents(client, table, texts)

    def create(
        self,
        tenant: str,
        thread: Thread,
        messages: Sequence[Message],
        receipt: Receipt | None = None,
    ) -> None:
        """Store a thread with its first messages.

        Raises:
            Repeated: the request was answered before.
        """
        writes = self.creation(tenant, thread, messages, room=MAX_ITEMS - 1)
        writes.append(
            {
                "Put": {
                    "TableName": self._table,
                    "Item": lock_item(tenant, thread),
                }
            }
        )
        transact(self._client, writes, receipt)

    def creation(
        self, tenant: str, thread: Thread, messages: Sequence[Message], *, room: int
    ) -> "list[TransactWriteItemTypeDef]":
        """Return the writes of a thread without its lock, for the transaction that makes it.

        Messages for which there is no room are written at once: nobody can see them before the
        thread is there.

        Args:
            tenant: the caller's project.
            thread: the new thread.
            messages: its first messages.
            room: how many writes the transaction takes beside what the caller adds.
        """
        writes: list[TransactWriteItemTypeDef] = [
            {"Put": {"TableName": self._table, "Item": message_item(tenant, message, self._texts)}}
            for message in messages
        ]
        while len(writes) >= room:
            transact(self._client, writes[:MAX_ITEMS])
            del writes[:MAX_ITEMS]
        document = self._documents.put_write(tenant, keyspace.threads(tenant), thread.id, thread)
        return [*writes, document]

    def get(self, tenant: str, thread_id: str) -> Thread | None:
        """Return a thread; None if there is none."""
        return self._documents.get(keyspace.threads(tenant), thread_id, Thread)

    def list(self, tenant: str, query: PageQuery) -> ListPage[Thread]:
        """Return a page of a tenant's threads."""
        threads = self._documents.page(keyspace.threads(tenant), "", query, Thread)
        return page_of(threads, query, lambda found: found.id)

    def change(
        self, tenant: str, thread_id: str, decide: Callable[[Thread], Thread]
    ) -> Thread | None:
        """Change a thread; return it as it is then, or None if there is none."""
        return self._documents.change(tenant, keyspace.threads(tenant), thread_id, Thread, decide)

    def active_run(self, tenant: str, thread_id: str) -> str | None:
        """Return the run that is active on a thread; None if none is.

        Raises:
            ThreadMissing: there is no such thread.
        """
        lock = self.lock(tenant, thread_id)
        if lock is None or lock.deleted:
            raise ThreadMissing
        return lock.active_run

    def lock(self, tenant: str, thread_id: str) -> ThreadLock | None:
        """Return what a thread's lock says (strongly consistent); None if there is none."""
        item = self._client.get_item(
            TableName=self._table, Key=lock_key(tenant, thread_id), ConsistentRead=True
        ).get("Item")
        return None if item is None else read_lock(item)
