"""The lease on a run, while somebody works on it: renewed, looked at, asked to be given up."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from adapters.dynamodb.errors import LeaseLost, RunMoved
from adapters.dynamodb.faults import silence
from adapters.dynamodb.run_items import run_key
from adapters.dynamodb.transactions import is_condition_failure
from adapters.dynamodb.values import Item, plain, scalar
from core.records import RunRecord

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

# What is true for as long as a worker holds the lease of its claim.
HELD = "lease_owner = :owner AND epoch = :epoch"


def holder(run: RunRecord) -> Item:
    """Return the values that `HELD` compares with."""
    return {":owner": {"S": run.lease_owner or ""}, ":epoch": scalar(run.epoch)}


class Leases:
    """Small writes and looks beside the run's transactions.

    Args:
        client: a DynamoDB client.
        table: the state table's name.
    """

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def renew(self, run: RunRecord, lease_until_ms: int) -> bool:
        """Prolong the lease; tell whether cancelling was asked for.

        Raises:
            LeaseLost: the lease is another's by now.
            StoreSilent: nobody knows; the lease is as long as it was, or longer.
        """
        with silence():
            item = self._set(run, "lease_until_ms", scalar(lease_until_ms))
        if item is None:
            raise LeaseLost
        return "cancel_requested" in item

    def is_cancel_requested(self, run: RunRecord) -> bool:
        """Look whether cancelling was asked for.

        Raises:
            LeaseLost: the lease is another's by now.
            StoreSilent: the table did not answer.
        """
        with silence():
            item = self._client.get_item(
                TableName=self._table,
                Key=run_key(run.tenant, run.thread_id, run.id),
                ProjectionExpression="lease_owner, epoch, cancel_requested",
                ConsistentRead=True,
            ).get("Item", {})
        held_by = plain(item.get("lease_owner")), plain(item.get("epoch"))
        if held_by != (run.lease_owner, run.epoch):
            raise LeaseLost
        return "cancel_requested" in item

    def request_cancel(self, run: RunRecord) -> RunRecord:
        """Ask the worker that holds the run's lease to cancel it.

        Raises:
            RunMoved: nobody holds the lease any more, or another does.
        """
        if self._set(run, "cancel_requested", scalar(True)) is None:
            raise RunMoved
        return run.model_copy(update={"cancel_requested": True})

    def _set(self, run: RunRecord, name: str, value: "AttributeValueTypeDef") -> Item | None:
        """Set an attribute while the lease is held as it was read; None if it is not."""
        try:
            return self._client.update_item(
                TableName=self._table,
                Key=run_key(run.tenant, run.thread_id, run.id),
                UpdateExpression=f"SET {name} = :value",
                ConditionExpression=HELD,
                ExpressionAttributeValues={":value": value} | holder(run),
                ReturnValues="ALL_NEW",
            )["Attributes"]
        except ClientError as error:
            if is_condition_failure(error):
                return None
            raise
