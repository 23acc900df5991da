"""Transactions that retry what passes and report what does not."""

import random
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from botocore.exceptions import ClientError

from adapters.dynamodb.errors import StoreUnavailable

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
MAX_ITEMS = 100
_ATTEMPTS = 6
_FIRST_PAUSE_SECONDS = 0.02
_PASSING = frozenset(
    {
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
    }
)


class ConditionFailed(Exception):
    """A transaction was refused because conditions did not hold.

    Attributes:
        old: by the index of each refused write, the item as it is (empty if there is none);
            given for writes that ask for it with `ReturnValuesOnConditionCheckFailure`.
    """

    def __init__(self, old: dict[int, dict[str, Any]]) -> None:
        super().__init__("A condition of the transaction did not hold.")
        self.old = old


class Receipt(Protocol):
    """The record of a request's answer, written together with what the request makes."""

    def write(self) -> "TransactWriteItemTypeDef":
        """Return the conditional write of the record."""
        ...

    def refused(self, old: dict[str, Any]) -> Exception:
        """Return what to raise if the condition did not hold.

        Args:
            old: the record that is there.
        """
        ...


class _Refusal(NamedTuple):
    conditions: dict[int, dict[str, Any]]
    passing: bool


def transact(
    client: "DynamoDBClient",
    writes: "list[TransactWriteItemTypeDef]",
    receipt: Receipt | None = None,
) -> None:
    """Carry out writes together or not at all.

    Conflicts with other transactions and throttling are retried for about a second with jittered
    backoff; the token that boto3 adds makes a retry of a lost answer harmless.

    Args:
        client: a DynamoDB client.
        writes: up to 100 writes, 99 with a receipt.
        receipt: the record of the answer. If the request was answered before, that outweighs
            every other refusal: what it met may be its own work.

    Raises:
        ConditionFailed: a condition did not hold; nothing was written.
        StoreUnavailable: conflicts or throttling went on for too long; nothing was written.
    """
    items = writes if receipt is None else [*writes, receipt.write()]
    pause = _FIRST_PAUSE_SECONDS
    for attempt in range(_ATTEMPTS):
        try:
            client.transact_write_items(TransactItems=items)
        except ClientError as error:
            refusal = _read_refusal(error)
            if refusal is None:
                raise
            if receipt is not None and len(writes) in refusal.conditions:
                raise receipt.refused(refusal.conditions[len(writes)]) from None
            if refusal.conditions:
                raise ConditionFailed(refusal.conditions) from None
            if not refusal.passing:
                raise
            if attempt < _ATTEMPTS - 1:
                time.sleep(pause * (0.5 + random.random()))
                pause *= 2
        else:
            return
    raise StoreUnavailable("The transaction met conflicts or throttling for too long.")


def _read_refusal(error: ClientError) -> _Refusal | None:
    if error.response["Error"]["Code"] != "TransactionCanceledException":
        return None
    reasons: list[dict[str, Any]] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
    conditions = {
        index: reason.get("Item") or {}
        for index, reason in enumerate(reasons)
        if reason.get("Code") == "ConditionalCheckFailed"
    }
    codes = {reason.get("Code") for reason in reasons} - {None, "None"}
    return _Refusal(conditions, bool(codes) and codes <= _PASSING)


def is_condition_failure(error: ClientError) -> bool:
    """Tell whether a single write was refused by its condition."""
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"
