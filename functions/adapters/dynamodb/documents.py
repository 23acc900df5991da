"""Objects as JSON text under a key: what assistants, threads and files have in common."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError

from adapters.dynamodb.errors import StoreUnavailable
from adapters.dynamodb.queries import batch_get, query_page
from adapters.dynamodb.transactions import Receipt, is_condition_failure, transact
from adapters.dynamodb.values import Item, TextStore
from core.paging import PageQuery
from core.schema.common import WireModel

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

M = TypeVar("M", bound=WireModel)
_CHANGE_ROUNDS = 6


class Documents:
    """Reads and writes documents of one table.

    Args:
        client: a DynamoDB client.
        table: the table's name.
        texts: takes documents that are too large for an item.
    """

    def __init__(self, client: "DynamoDBClient", table: str, texts: TextStore) -> None:
        self._client = client
        self._table = table
        self._texts = texts

    def put_write(
        self, tenant: str, partition: str, sort: str, model: WireModel, **more: object
    ) -> "TransactWriteItemTypeDef":
        """Return the write of a document as a part of a transaction.

        Args:
            tenant: whose document it is.
            partition: its partition key.
            sort: its sort key.
            model: the document.
            more: further attributes that lists are filtered by, as DynamoDB takes them.
        """
        item = key(partition, sort) | {"doc": self._texts.pack(tenant, model.model_dump_json())}
        return {"Put": {"TableName": self._table, "Item": item | more}}

    def create(
        self,
        tenant: str,
        partition: str,
        sort: str,
        model: WireModel,
        receipt: Receipt | None,
        **more: object,
    ) -> None:
        """Store a new document, together with the record of the answer that tells of it.

        Raises:
            Repeated: the request was answered before.
        """
        transact(self._client, [self.put_write(tenant, partition, sort, model, **more)], receipt)

    def get(self, partition: str, sort: str, model: type[M]) -> M | None:
        """Return a document (strongly consistent); None if there is none."""
        item = self._item(partition, sort)
        return self._read(item, model) if item else None

    def get_many(self, partition: str, sorts: Sequence[str], model: type[M]) -> dict[str, M]:
        """Return those documents of a partition that exist, by sort key, in a request a hundred."""
        keys = [key(partition, sort) for sort in dict.fromkeys(sorts)]
        items = batch_get(self._client, self._table, keys)
        return {item["sk"]["S"]: self._read(item, model) for item in items}

    def page(
        self,
        partition: str,
        prefix: str,
        query: PageQuery,
        model: type[M],
        *,
        where: tuple[str, str] | None = None,
        live_at: int | None = None,
    ) -> list[M]:
        """Return up to one more than a page of a partition's documents.

        Args:
            partition: the partition key.
            prefix: what the sort keys of these documents begin with; ids follow it.
            query: the page.
            model: what they are.
            where: only documents whose item has this attribute with this value.
            live_at: only documents whose item has no `expires_at`, or one after this time.
        """
        items = query_page(
            self._client, self._table, partition, prefix, query, where=where, live_at=live_at
        )
        return [self._read(item, model) for item in items]

    def change(
        self, tenant: str, partition: str, sort: str, model: type[M], decide: Callable[[M], M]
    ) -> M | None:
        """Change a document, so that no change that others make at the same time is lost.

        Args:
            tenant: whose document it is.
            partition: its partition key.
            sort: its sort key.
            model: what it is.
            decide: returns the document as it shall be, given as it is; may be called again.

        Returns:
            The document as it is then; None if there is none.

        Raises:
            StoreUnavailable: others changed it each time; nothing was changed.
        """
        for _ in range(_CHANGE_ROUNDS):
            item = self._item(partition, sort)
            if item is None:
                return None
            before = self._read(item, model)
            after = decide(before)
            if after == before:
                return after
            doc = self._texts.pack(tenant, after.model_dump_json())
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=key(partition, sort),
                    UpdateExpression="SET doc = :new",
                    ConditionExpression="doc = :old",
                    ExpressionAttributeValues={":new": doc, ":old": item["doc"]},
                )
            except ClientError as error:
                self._texts.discard(doc)
                if not is_condition_failure(error):
                    raise
            else:
                self._texts.discard(item["doc"])
                return after
        raise StoreUnavailable("Others changed the object each time that it was to be changed.")

    def delete(self, partition: str, sort: str) -> bool:
        """Delete a document; tell whether there was one."""
        old = self._client.delete_item(
            TableName=self._table, Key=key(partition, sort), ReturnValues="ALL_OLD"
        ).get("Attributes")
        if not old:
            return False
        self._texts.discard(old["doc"])
        return True

    def _item(self, partition: str, sort: str) -> Item | None:
        return self._client.get_item(
            TableName=self._table, Key=key(partition, sort), ConsistentRead=True
        ).get("Item")

    def _read(self, item: Item, model: type[M]) -> M:
        return model.model_validate_json(self._texts.unpack(item["doc"]))


def key(partition: str, sort: str) -> Item:
    """Return an item's key."""
    return {"pk": {"S": partition}, "sk": {"S": sort}}
