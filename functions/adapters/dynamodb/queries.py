"""Pages of a partition: one key query, whatever the partition's size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adapters.dynamodb.values import Item
from core.paging import PageQuery

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

# Sort before and after every id: ids are letters, digits, hyphens and underscores.
_BEGIN = "!"
_END = "~"
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
_READ_AT_ONCE = 100
_LOOKED_AT_ONCE = 1000


def query_page(
    client: "DynamoDBClient",
    table: str,
    partition: str,
    prefix: str,
    query: PageQuery,
    *,
    where: tuple[str, str] | None = None,
    live_at: int | None = None,
) -> list[Item]:
    """Return up to `query.limit + 1` items in the order asked for (strongly consistent).

    `after` alone continues a list; `before` alone gives the page that precedes an id, nearest
    first to it, and still in the order asked for.

    Args:
        client: a DynamoDB client.
        table: the table.
        partition: the partition key.
        prefix: what the sort keys of these objects begin with; ids follow it.
        query: the page.
        where: only items whose attribute of this name has this value.
        live_at: only items without an `expires_at`, or with one after this time (unix seconds).
    """
    descending = query.order == "desc"
    backwards = query.before is not None and query.after is None
    low, high = (query.before, query.after) if descending else (query.after, query.before)
    lowest = prefix + (low or "") + _BEGIN
    highest = prefix + (_just_before(high) if high else _END)
    if lowest > highest:
        # Cursors that cross leave nothing between them, and DynamoDB refuses such bounds.
        return []
    arguments: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
        "ExpressionAttributeValues": {
            ":pk": {"S": partition},
            ":low": {"S": lowest},
            ":high": {"S": highest},
        },
        "ScanIndexForward": descending if backwards else not descending,
        # Who is told that a run has completed lists its messages next, and must find the answer.
        "ConsistentRead": True,
    }
    _filter(arguments, where, live_at)
    items = _collect(client, arguments, query.limit + 1)
    if not backwards:
        return items
    # The one item too many is the farthest from `before`: it must stay behind the page's end.
    page, surplus = items[: query.limit], items[query.limit :]
    return [*reversed(page), *surplus]


def batch_get(client: "DynamoDBClient", table: str, keys: Sequence[Item]) -> list[Item]:
    """Return those items that exist (strongly consistent), a hundred a request, in any order."""
    items: list[Item] = []
    wanted = list(keys)
    while wanted:
        asked, wanted = wanted[:_READ_AT_ONCE], wanted[_READ_AT_ONCE:]
        answer = client.batch_get_item(
            RequestItems={table: {"Keys": asked, "ConsistentRead": True}}
        )
        items += answer["Responses"].get(table, [])
        unread = answer.get("UnprocessedKeys", {})
        wanted += [dict(key) for key in unread[table]["Keys"]] if table in unread else []
    return items


def _collect(client: "DynamoDBClient", arguments: dict[str, Any], wanted: int) -> list[Item]:
    items: list[Item] = []
    start: dict[str, Any] = {}
    # Of what is looked at, a filter may leave little: one by one would be a request an item.
    least = _LOOKED_AT_ONCE if "FilterExpression" in arguments else 1
    limit = wanted
    while True:
        answer = client.query(**arguments, **start, Limit=limit)
        items += answer["Items"]
        if len(items) >= wanted or "LastEvaluatedKey" not in answer:
            return items[:wanted]
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        limit = max(wanted - len(items), least)


def _filter(arguments: dict[str, Any], where: tuple[str, str] | None, live_at: int | None) -> None:
    conditions = []
    if where is not None:
        name, value = where
        conditions.append("#where = :where")
        arguments["ExpressionAttributeNames"] = {"#where": name}
        arguments["ExpressionAttributeValues"][":where"] = {"S": value}
    if live_at is not None:
        conditions.append("(attribute_not_exists(expires_at) OR expires_at > :live_at)")
        arguments["ExpressionAttributeValues"][":live_at"] = {"N": str(live_at)}
    if conditions:
        arguments["FilterExpression"] = " AND ".join(conditions)


def _just_before(identifier: str) -> str:
    """Return the highest key below an id's."""
    return identifier[:-1] + chr(ord(identifier[-1]) - 1) + _END
