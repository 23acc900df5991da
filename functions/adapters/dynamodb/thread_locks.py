"""The lock of a thread: the item that decides who may add to it, and tells how long it lay idle.

It begins the partition in which the thread's messages and runs are: every write that needs the
thread's leave has a condition on it, and says when it was.
"""

from typing import TYPE_CHECKING, Any, Final

from adapters.dynamodb import keyspace
from adapters.dynamodb.documents import key
from adapters.dynamodb.records import read_line
from adapters.dynamodb.values import Item, plain, scalar
from core.lifetimes import ThreadLock
from core.schema.threads import Thread

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

# The lock, while it exists and is not marked as deleted.
PRESENT: Final = "attribute_exists(pk) AND attribute_not_exists(deleted)"
# The lock, while nobody holds it.
FREE: Final = f"{PRESENT} AND attribute_not_exists(active_run)"


def lock_key(tenant: str, thread_id: str) -> Item:
    """Return the key of a thread's lock."""
    return key(keyspace.thread(tenant, thread_id), keyspace.META)


def lock_item(tenant: str, thread: Thread) -> Item:
    """Return the lock of a new thread as an item."""
    item = lock_key(tenant, thread.id) | {"last_active": scalar(thread.created_at)}
    if thread.ttl_seconds is not None:
        item["ttl_seconds"] = scalar(thread.ttl_seconds)
    return item


def read_lock(item: Item) -> ThreadLock:
    """Return what a lock says."""
    names = ("last_active", "ttl_seconds")
    fields: dict[str, Any] = {name: plain(item[name]) for name in names if name in item}
    line = read_line(item)
    return ThreadLock("deleted" in item, line.active, line.waiting, **fields)


def adding(table: str, tenant: str, thread_id: str, now: int) -> "TransactWriteItemTypeDef":
    """Return the write by which something is added to a thread on which no run is active.

    Args:
        table: the state table's name.
        tenant: whose thread it is.
        thread_id: the thread.
        now: unix seconds.
    """
    return {
        "Update": {
            "TableName": table,
            "Key": lock_key(tenant, thread_id),
            "UpdateExpression": "SET last_active = :now",
            "ConditionExpression": FREE,
            "ExpressionAttributeValues": {":now": scalar(now)},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }
