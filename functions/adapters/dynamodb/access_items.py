"""What a connection may reach, as it stands in the items of connections and of tickets."""

from adapters.dynamodb.values import Item
from core.access import Access


def access_attributes(access: Access) -> Item:
    """Return the attributes that say what may be reached."""
    item: Item = {"tenant": {"S": access.tenant}, "key_id": {"S": access.key_id}}
    if access.thread_id is not None:
        item["thread_id"] = {"S": access.thread_id}
    return item


def read_access(item: Item) -> Access:
    """Return what the attributes of `access_attributes` say."""
    thread_id = item["thread_id"]["S"] if "thread_id" in item else None
    return Access(item["tenant"]["S"], item["key_id"]["S"], thread_id)
