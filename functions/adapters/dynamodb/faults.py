"""Which failures of a table pass: throttling, faults of the service, answers that are lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as AwsConnectionError

from adapters.dynamodb.errors import StoreSilent

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
_PASSING: Final = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)


def is_passing(error: Exception) -> bool:
    """Tell whether the same request may succeed later; it may have been carried out."""
    if isinstance(error, ClientError):
        return error.response["Error"]["Code"] in _PASSING
    return isinstance(error, AwsConnectionError | HTTPClientError)


@contextmanager
def silence() -> Iterator[None]:
    """Raise what passes as such, for those who try the same again.

    Raises:
        StoreSilent: a request failed for a passing reason; it may have been carried out.
    """
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        if not is_passing(error):
            raise
        raise StoreSilent("The table did not answer.") from error
