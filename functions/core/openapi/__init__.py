"""OpenAPI documents: what they offer to a model, and the requests that its calls become."""

from core.openapi.choice import Choice
from core.openapi.document import Document, parse_document
from core.openapi.errors import InvalidArguments, InvalidDocument, UnknownChoice
from core.openapi.operation import Operation, Parameter, RequestBody
from core.openapi.outline import Skipped
from core.openapi.request import PreparedRequest, build_request
from core.openapi.servers import Servers, server_of

__all__ = [
    "Choice",
    "Document",
    "InvalidArguments",
    "InvalidDocument",
    "Operation",
    "Parameter",
    "PreparedRequest",
    "RequestBody",
    "Servers",
    "Skipped",
    "UnknownChoice",
    "build_request",
    "parse_document",
    "server_of",
]
