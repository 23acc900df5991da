"""OpenAPI documents: what they offer to a model, and the requests that its calls become."""

from core.openapi.document import Document, operations, parse_document
from core.openapi.errors import InvalidArguments, InvalidDocument
from core.openapi.operation import Operation, Parameter, RequestBody
from core.openapi.request import PreparedRequest, build_request

__all__ = [
    "Document",
    "InvalidArguments",
    "InvalidDocument",
    "Operation",
    "Parameter",
    "PreparedRequest",
    "RequestBody",
    "build_request",
    "operations",
    "parse_document",
]
