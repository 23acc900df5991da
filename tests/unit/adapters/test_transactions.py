"""Transactions that are tried again: what was refused anew, what may be done under its token."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from adapters.dynamodb.errors import StoreUnavailable
from adapters.dynamodb.transactions import ConditionFailed, transact

LOST = ReadTimeoutError(endpoint_url="https://table.test")


def failure(code: str) -> ClientError:
    """Return an error that the service answers with."""
    return ClientError({"Error": {"Code": code}}, "TransactWriteItems")


def cancelled(*codes: str) -> ClientError:
    """Return the refusal of a transaction, a code for each write."""
    response: Any = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": code} for code in codes],
    }
    return ClientError(response, "TransactWriteItems")


class Table:
    """Fails as it is told, then takes the transaction; remembers the tokens."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)
        self.tokens: list[str] = []

    def transact_write_items(self, **request: Any) -> None:
        """Take a transaction."""
        self.tokens.append(request["ClientRequestToken"])
        if self._failures:
            raise self._failures.pop(0)


def carry_out(table: Table, patience_seconds: float = 5) -> None:
    transact(table, [{}], patience_seconds=patience_seconds)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "lost",
    [
        LOST,
        failure("InternalServerError"),
        failure("TransactionInProgressException"),
        failure("ThrottlingException"),
    ],
)
def test_what_may_have_been_carried_out_is_repeated_under_its_token(lost: Exception) -> None:
    table = Table(lost, lost)
    carry_out(table)
    assert len(table.tokens) == 3
    assert len(set(table.tokens)) == 1


def test_what_was_refused_is_tried_anew() -> None:
    table = Table(cancelled("None", "TransactionConflict"), cancelled("ThrottlingError"))
    carry_out(table)
    assert len(set(table.tokens)) == 3


def test_conflicts_without_end_change_nothing_and_are_reported_so() -> None:
    with pytest.raises(StoreUnavailable):
        carry_out(Table(*[cancelled("TransactionConflict")] * 50), patience_seconds=0.1)


def test_answers_that_stay_away_are_not_reported_as_nothing_done() -> None:
    with pytest.raises(ReadTimeoutError):
        carry_out(Table(*[cancelled("TransactionConflict"), *[LOST] * 50]), patience_seconds=0.1)


@pytest.mark.parametrize(
    "final", [failure("AccessDeniedException"), failure("ValidationException"), cancelled("Other")]
)
def test_what_does_not_pass_is_not_tried_again(final: ClientError) -> None:
    table = Table(final)
    with pytest.raises(ClientError):
        carry_out(table)
    assert len(table.tokens) == 1


def test_a_condition_that_does_not_hold_ends_it() -> None:
    table = Table(LOST, cancelled("ConditionalCheckFailed"))
    with pytest.raises(ConditionFailed):
        carry_out(table)
    assert len(table.tokens) == 2
