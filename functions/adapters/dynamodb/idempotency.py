"""Answers to requests that make something, kept for a while in case the request comes again.

An answer is stored in the transaction that makes the thing, so there is never one without the
other. Its condition decides between attempts that overlap:

    first attempt      refused only by the answer to a retry that arrived after it: the retry has
                       overtaken it, and its client waits no more
    retry (count > 0)  refused by any answer that is less than a minute old for each attempt
    Idempotency-Key    refused by any answer that is less than a day old
"""

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.dynamodb import keyspace
from adapters.dynamodb.values import Item, TextStore, scalar
from core.errors import InvalidRequest
from core.idempotency import KEY_SECONDS, Attempt

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_MAX_INLINE_BYTES = 64 * 1024


class Repeated(Exception):
    """The request was answered before; nothing was done.

    Attributes:
        answer: the first answer's body, JSON text.
    """

    def __init__(self, answer: str) -> None:
        super().__init__("The request was answered before.")
        self.answer = answer


class AnswerStore:
    """Keeps first answers, in the stream table.

    Args:
        client: a DynamoDB client.
        table: the stream table's name.
        texts: takes answers that are too large for an item.
    """

    def __init__(self, client: "DynamoDBClient", table: str, texts: TextStore) -> None:
        self._client = client
        self._table = table
        self._texts = texts

    def once(self, tenant: str, attempt: Attempt) -> "Once":
        """Return what makes a request's work happen once.

        Raises:
            Repeated: it was answered before.
            InvalidRequest: its `Idempotency-Key` was used for another request.
        """
        once = Once(self, tenant, attempt)
        if attempt.may_repeat:
            item = self._client.get_item(
                TableName=self._table, Key=_key(tenant, attempt), ConsistentRead=True
            ).get("Item")
            if item is not None and _counts(item, attempt):
                raise self.repeated(item, attempt)
        return once

    def put(self, tenant: str, attempt: Attempt, answer: str) -> "TransactWriteItemTypeDef":
        """Return the write of an answer as a part of a transaction."""
        item: Item = _key(tenant, attempt) | {
            "arrived_ms": scalar(attempt.arrived_ms),
            "retries": scalar(attempt.retries),
            "fingerprint": scalar(attempt.fingerprint),
            "answer": self._pack(tenant, answer),
            "expires_at": scalar(attempt.arrived_ms // 1000 + KEY_SECONDS),
        }
        condition, values = _condition(attempt)
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": f"attribute_not_exists(pk) OR {condition}",
                "ExpressionAttributeValues": values,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def repeated(self, item: Item, attempt: Attempt) -> Exception:
        """Return what tells that a request was answered before."""
        if item["fingerprint"]["S"] != attempt.fingerprint:
            return InvalidRequest(
                "This 'Idempotency-Key' was used for another request. Send a new key with each "
                "new request, and the same one only to repeat it.",
                param="Idempotency-Key",
                code="idempotency_key_reused",
            )
        return Repeated(self._unpack(item["answer"]))

    def _pack(self, tenant: str, answer: str) -> Any:
        data = zlib.compress(answer.encode(), 1)
        return {"B": data} if len(data) <= _MAX_INLINE_BYTES else self._texts.pack(tenant, answer)

    def _unpack(self, attribute: Any) -> str:
        if "B" in attribute:
            return zlib.decompress(attribute["B"]).decode()
        return self._texts.unpack(attribute)


@dataclass(frozen=True, slots=True)
class Once:
    """A request that makes something: its work happens once, however often it is sent.

    Attributes:
        answers: where first answers are kept.
        tenant: the caller's project.
        attempt: this arrival of the request.
    """

    answers: AnswerStore
    tenant: str
    attempt: Attempt

    def receipt(self, answer: str) -> "AnswerReceipt":
        """Return the record of an answer, for the transaction that makes what it tells of.

        Args:
            answer: the response's body, JSON text.
        """
        return AnswerReceipt(self, answer)


@dataclass(frozen=True, slots=True)
class AnswerReceipt:
    """The record of one answer, as `transact` takes it."""

    once: Once
    answer: str

    def write(self) -> "TransactWriteItemTypeDef":
        """Return the conditional write of the record."""
        return self.once.answers.put(self.once.tenant, self.once.attempt, self.answer)

    def refused(self, old: dict[str, Any]) -> Exception:
        """Return the first answer, or that the key was used for another request."""
        return self.once.answers.repeated(old, self.once.attempt)


def _key(tenant: str, attempt: Attempt) -> Item:
    return {"pk": {"S": keyspace.answer(tenant, attempt.record_id)}, "sk": {"S": keyspace.META}}


def _counts(item: Item, attempt: Attempt) -> bool:
    """Tell whether a stored answer is the answer to this attempt."""
    if attempt.key is not None:
        return int(item["expires_at"]["N"]) >= attempt.arrived_ms // 1000
    return int(item["arrived_ms"]["N"]) >= attempt.arrived_ms - attempt.window_ms


def _condition(attempt: Attempt) -> tuple[str, Item]:
    """Return when an answer that is there already may be written over."""
    if attempt.key is not None:
        return "expires_at < :now", {":now": scalar(attempt.arrived_ms // 1000)}
    if attempt.retries:
        oldest = attempt.arrived_ms - attempt.window_ms
        return "arrived_ms < :oldest", {":oldest": scalar(oldest)}
    return (
        "retries = :none OR arrived_ms <= :arrived",
        {":none": scalar(0), ":arrived": scalar(attempt.arrived_ms)},
    )
