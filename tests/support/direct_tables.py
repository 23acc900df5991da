"""moto's tables without the way over HTTP, which costs several times what they do."""

import copy
import json
from typing import Any, Final

import pytest
from botocore import xform_name
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto.core.exceptions import JsonRESTError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

_DIRECT: Final = frozenset(
    {
        "BatchGetItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "TransactWriteItems",
        "UpdateItem",
    }
)


def call_tables_directly(patch: pytest.MonkeyPatch) -> None:
    """Have boto3's calls of DynamoDB made in moto's own functions, and others as they are."""
    make = BaseClient._make_api_call  # type: ignore[attr-defined]
    copies: dict[str, Table] = {}

    def make_api_call(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        service = client.meta.service_model.service_name
        if service != "dynamodb" or operation not in _DIRECT:
            return make(client, operation, arguments)
        copies.clear()
        handler: Any = DynamoHandler()
        handler.current_account, handler.region = DEFAULT_ACCOUNT_ID, client.meta.region_name
        handler.body = handler.params = arguments
        try:
            return getattr(handler, xform_name(operation))().result
        except JsonRESTError as error:
            raise _client_error(error, operation) from None

    def copy_table(table: Table, memo: dict[int, Any]) -> Table:
        # To go back to, moto copies the table for each write of a transaction, before the first.
        if table.name not in copies:
            copied = copies[table.name] = copy.copy(table)
            copied.items = copy.deepcopy(table.items, memo)
        return copies[table.name]

    patch.setattr(BaseClient, "_make_api_call", make_api_call)
    patch.setattr(Table, "__deepcopy__", copy_table, raising=False)


def _client_error(error: JsonRESTError, operation: str) -> ClientError:
    said = json.loads(error.description)
    code = said.pop("__type").rpartition("#")[2]
    message = said.pop("Message", None) or said.pop("message", "")
    response: Any = {"Error": {"Code": code, "Message": message}, **said}
    return ClientError(response, operation)
