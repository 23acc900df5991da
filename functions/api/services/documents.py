"""The OpenAPI document of a request: given, or fetched from where it is published."""

from adapters.document_text import BadDocument, read_document
from core.errors import InvalidRequest
from core.openapi import (
    Choice,
    Document,
    InvalidDocument,
    Servers,
    UnknownChoice,
    parse_document,
    server_of,
)
from core.openapi.nodes import JsonObject
from core.schema.actions import CreateActions
from wiring.bootstrap import ApiContext


def requested_document(context: ApiContext, request: CreateActions) -> Document:
    """Return what a request registers.

    Raises:
        InvalidRequest: there is no document, it has a mistake, or it lacks what was chosen.
    """
    field = _field(request)
    document = _document(context, request, field)
    try:
        servers = _servers(request)
    except InvalidDocument as mistake:
        raise _invalid("server_url", mistake.message, "server_url") from None
    choice = Choice(_texts(request.operations), _texts(request.tags))
    try:
        return parse_document(document, choice, servers)
    except UnknownChoice as mistake:
        raise _invalid(mistake.param, mistake.message, mistake.param) from None
    except InvalidDocument as mistake:
        param = ".".join(filter(None, (field, mistake.param)))
        raise _invalid(field, mistake.message, param) from None


def _field(request: CreateActions) -> str:
    if (request.openapi_schema is None) == (request.openapi_url is None):
        raise InvalidRequest(
            "Give either 'openapi_schema', the document, or 'openapi_url', where it is published.",
            param="openapi_schema",
            code="invalid_value",
        )
    return "openapi_schema" if request.openapi_url is None else "openapi_url"


def _document(context: ApiContext, request: CreateActions, field: str) -> JsonObject:
    if isinstance(request.openapi_schema, dict):
        return request.openapi_schema
    try:
        if request.openapi_url is not None:
            return read_document(context.outside.fetch_document(request.openapi_url))
        return read_document(request.openapi_schema or "")
    except BadDocument as mistake:
        raise _invalid(field, f"the document {mistake.problem}.", field) from None


def _servers(request: CreateActions) -> Servers:
    if request.server_url is not None:
        return server_of(request.server_url)
    return Servers(location=request.openapi_url or "")


def _texts(given: list[str] | None) -> tuple[str, ...] | None:
    return None if given is None else tuple(given)


def _invalid(field: str, message: str, param: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid '{field}': {message}", param=param, code="invalid_value")
