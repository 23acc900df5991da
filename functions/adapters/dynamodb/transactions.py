"""Transactions that retry what passes and report what does not."""

import random
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from adapters.dynamodb.errors import StoreUnavailable
from adapters.dynamodb.faults import is_passing

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
MAX_ITEMS = 100
PATIENCE_SECONDS = 1.3
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 1.0
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
    *,
    patience_seconds: float = PATIENCE_SECONDS,
) -> None:
    """Carry out writes together or not at all.

    Conflicts with other transactions, throttling and lost answers are tried again with jittered
    backoff; what may have been carried out is repeated under the same token: it counts once.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html

    Args:
        client: a DynamoDB client.
        writes: up to 100 writes, 99 with a receipt.
        receipt: the record of the answer. If the request was answered before, that outweighs
            every other refusal: what it met may be its own work.
        patience_seconds: how long it is tried.

    Raises:
        ConditionFailed: a condition did not hold; nothing was written.
        StoreUnavailable: conflicts or throttling went on for too long; nothing was written.
        ClientError, BotoCoreError: it failed for good, or its answer was lost each time: then it
            may be carried out.
    """
    items = writes if receipt is None else [*writes, receipt.write()]
    token = uuid4().hex
    until = time.monotonic() + patience_seconds
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            client.transact_write_items(TransactItems=items, ClientRequestToken=token)
        except (ClientError, BotoCoreError) as error:
            refused = _is_refused(error, len(writes), receipt)
            if refused:
                # Nothing was carried out under this token.
                token = uuid4().hex
            if time.monotonic() + pause > until:
                if not refused:
                    raise
                break
            time.sleep(pause * (0.5 + random.random()))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        else:
            return
    raise StoreUnavailable("The transaction met conflicts or throttling for too long.")


def _is_refused(error: Exception, writes: int, receipt: Receipt | None) -> bool:
    """Tell whether a failure that passes was a refusal; others may have been carried out.

    Raises:
        Exception: it does not pass; as `transact` says.
    """
    refusal = _read_refusal(error)
    if refusal is None:
        if not is_passing(error):
            raise error
        return False
    if receipt is not None and writes in refusal.conditions:
        raise receipt.refused(refusal.conditions[writes]) from None
    if refusal.conditions:
        raise ConditionFailed(refusal.conditions) from None
    if not refusal.passing:
        raise error
    return True


def _read_refusal(error: Exception) -> _Refusal | None:
    if not isinstance(error, ClientError):
        return None
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
