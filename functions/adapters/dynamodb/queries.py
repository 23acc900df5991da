"""Pages of a partition: one key query, whatever the partition's size."""

from typing import TYPE_CHECKING, Any

from adapters.dynamodb.values import Item
from core.paging import PageQuery

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

# Sort before and after every id: ids are letters, digits, hyphens and underscores.
_BEGIN = "!"
_END = "~"


def query_page(
    client: "DynamoDBClient",
    table: str,
    partition: str,
    prefix: str,
    query: PageQuery,
    *,
    run_id: str | None = None,
) -> list[Item]:
    """Return up to `query.limit + 1` items in the order asked for.

    `after` alone continues a list; `before` alone gives the page that precedes an id, nearest
    first to it, and still in the order asked for.

    Args:
        client: a DynamoDB client.
        table: the table.
        partition: the partition key.
        prefix: what the sort keys of these objects begin with; ids follow it.
        query: the page.
        run_id: only items whose attribute `run_id` is this.
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
    }
    if run_id is not None:
        arguments["FilterExpression"] = "run_id = :run"
        arguments["ExpressionAttributeValues"][":run"] = {"S": run_id}
    items = _collect(client, arguments, query.limit + 1)
    if not backwards:
        return items
    # The one item too many is the farthest from `before`: it must stay behind the page's end.
    page, surplus = items[: query.limit], items[query.limit :]
    return [*reversed(page), *surplus]


def _collect(client: "DynamoDBClient", arguments: dict[str, Any], wanted: int) -> list[Item]:
    items: list[Item] = []
    start: dict[str, Any] = {}
    while True:
        answer = client.query(**arguments, **start, Limit=wanted - len(items))
        items += answer["Items"]
        if len(items) >= wanted or "LastEvaluatedKey" not in answer:
            return items
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def _just_before(identifier: str) -> str:
    """Return the highest key below an id's."""
    return identifier[:-1] + chr(ord(identifier[-1]) - 1) + _END
