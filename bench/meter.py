"""Counts the requests that a boto3 client makes of DynamoDB, and what AWS would charge for them.

Request units by the rules of
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html:
a strongly consistent read takes a unit per 4 KB, an eventually consistent one half of that, a write
one per KB; in a transaction, writes take twice as many. A query counts what it read as one, a batch
counts each of its items. The sizes are those of the items themselves, so an emulator will do.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_READ_BYTES = 4096
_WRITE_BYTES = 1024


@dataclass
class Usage:
    """What was used.

    Attributes:
        requests: by operation.
        read_units, write_units: request units.
    """

    requests: Counter[str] = field(default_factory=Counter)
    read_units: float = 0.0
    write_units: float = 0.0


class Meter:
    """Listens to a client's requests.

    Args:
        client: the client that is measured.
        look: another client of the same tables, to learn the sizes of items that are updated.
    """

    def __init__(self, client: "DynamoDBClient", look: "DynamoDBClient") -> None:
        self.usage = Usage()
        self._look = look
        self._asked: dict[str, Any] = {}
        self._sizes: list[int] = []
        events = client.meta.events
        events.register("provide-client-params.dynamodb", self._note)
        events.register("after-call.dynamodb", self._count)

    def reset(self) -> None:
        """Begin anew."""
        self.usage = Usage()

    def _note(self, params: dict[str, Any], **_more: Any) -> None:
        self._asked = params
        self._sizes = [self._size_now(write) for write in _named_writes(params)]

    def _count(self, parsed: dict[str, Any], model: Any, **_more: Any) -> None:
        operation: str = model.name
        self.usage.requests[operation] += 1
        asked = self._asked
        if operation in ("GetItem", "Query"):
            found = parsed.get("Items", [parsed.get("Item", {})])
            whole = _units(sum(map(item_bytes, found)), _READ_BYTES)
            self.usage.read_units += whole if asked.get("ConsistentRead") else whole / 2
        elif operation == "BatchGetItem":
            items = (item for table in parsed["Responses"].values() for item in table)
            self.usage.read_units += sum(_units(item_bytes(item), _READ_BYTES) for item in items)
        else:
            before = self._sizes
            after = [self._size_now(write) for write in _named_writes(asked)]
            units = sum(
                _units(max(sizes), _WRITE_BYTES) for sizes in zip(before, after, strict=True)
            )
            self.usage.write_units += units * (2 if operation == "TransactWriteItems" else 1)

    def _size_now(self, write: tuple[str, dict[str, Any]]) -> int:
        table, key = write
        item = self._look.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
        return item_bytes(item)


def item_bytes(item: dict[str, Any]) -> int:
    """Return an item's size as DynamoDB counts it: names and values."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Any) -> int:
    ((kind, content),) = value.items()
    if kind == "N":
        return len(content) // 2 + 2
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "M":
        return 3 + item_bytes(content)
    if kind == "L":
        return 3 + sum(1 + _value_bytes(part) for part in content)
    return len(content.encode() if isinstance(content, str) else content)


def _units(size: int, unit: int) -> int:
    return max(1, -(-size // unit))


def _named_writes(params: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the table and key of each item that a request writes."""
    writes = []
    entries = params.get("TransactItems")
    if entries is None:
        batches = params.get("RequestItems", {})
        if not batches and "TableName" in params:
            entries = [{"Write": params}]
        else:
            entries = [
                {name: {**request, "TableName": table}}
                for table, requests in batches.items()
                if isinstance(requests, list)
                for entry in requests
                for name, request in entry.items()
            ]
    for entry in entries:
        ((_, request),) = entry.items()
        key = request.get("Key") or {
            name: request["Item"][name] for name in ("pk", "sk") if name in request.get("Item", {})
        }
        if key:
            writes.append((request["TableName"], key))
    return writes
