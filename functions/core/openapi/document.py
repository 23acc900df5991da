"""OpenAPI 3.0 and 3.1 documents as the operations that they describe.

The document comes from a user and is checked as far as requests are built from it; the rest of it
(responses, security, tags, webhooks) is not looked at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from core.openapi.names import cut, function_name
from core.openapi.nodes import JsonObject, Node, References, join
from core.openapi.operation import Operation, Parameter
from core.openapi.parameters import ParameterReader
from core.openapi.schemas import SchemaReader
from core.openapi.servers import is_dot_segment, read_server

MOST_OPERATIONS = 500
# An operation and its function's schema must fit into one item of a table (400 KB).
LARGEST_OPERATION = 131_072

_VERSION = re.compile(r"3\.([01])\.\d+(-.+)?\Z")
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_BESIDE_METHODS = frozenset({"$ref", "summary", "description", "servers", "parameters"})
# OpenAPI 3.0.4, "Operation Object": where HTTP gives a body no meaning, it is ignored.
_WITHOUT_BODY = frozenset({"get", "head"})
_LONGEST_PATH = 2_048
# What may stand in a path as it is (RFC 3986, section 3.3), and what is already encoded.
_PATH_SAFE = "/!$&'()*+,;=:@%"
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was found to be right.

    Attributes:
        title: the service's name for people.
        operations: in the document's order.
    """

    title: str
    operations: tuple[Operation, ...]


def operations(document: Document) -> list[Operation]:
    """Return the document's operations, in its order."""
    return list(document.operations)


def parse_document(document: JsonObject) -> Document:
    """Return what the document describes.

    Args:
        document: an OpenAPI document, as JSON was read: only objects, lists, texts, numbers, truth
            values and nulls.

    Raises:
        InvalidDocument: it has a mistake, or asks for something that is not supported.
    """
    root = Node(document, "")
    is_3_0 = _is_3_0(root)
    references = References(document)
    parser = _Parser(root, references, SchemaReader(references, is_3_0=is_3_0))
    found: list[Operation] = []
    for operation in parser.operations():
        if len(found) == MOST_OPERATIONS:
            raise Node(None, "paths").mistake(f"must describe at most {MOST_OPERATIONS} operations")
        found.append(operation)
    if not found:
        raise Node(None, "paths").mistake("must describe at least one operation")
    info = root.child("info")
    title = "" if info is None else info.text_at("title")
    return Document(title=title, operations=tuple(found))


def _is_3_0(root: Node) -> bool:
    if root.child("swagger") is not None:
        raise Node(None, "swagger").mistake(
            "marks a Swagger 2 document, which is not supported: convert it to OpenAPI 3"
        )
    version = root.required("openapi")
    match = _VERSION.match(version.text())
    if match is None:
        raise version.mistake("must be a version 3.0 or 3.1 of OpenAPI, as in 3.1.0")
    return match[1] == "0"


class _Parser:
    """Walks the document's paths."""

    def __init__(self, root: Node, references: References, schemas: SchemaReader) -> None:
        self._root = root
        self._references = references
        self._reader = ParameterReader(references, schemas)
        self._names: set[str] = set()

    def operations(self) -> Iterator[Operation]:
        """Yield the operations; a mistake is raised when its turn comes."""
        for path, node in self._root.required("paths").children():
            if path.startswith("x-"):
                continue
            _check_path(node, path)
            item = self._references.resolve(node)
            for key, operation in item.children():
                if key in _METHODS:
                    yield self._operation(path, key, item, operation)
                elif key not in _BESIDE_METHODS and not key.startswith("x-"):
                    raise operation.mistake(f"must be one of the methods {', '.join(_METHODS)}")

    def _operation(self, path: str, method: str, item: Node, node: Node) -> Operation:
        parameters = self._reader.parameters([item, node])
        _check_path_parameters(node, path, parameters)
        body = None if method in _WITHOUT_BODY else self._reader.body(node, parameters)
        operation = Operation(
            name=function_name(node.text_at("operationId"), method, path, self._names),
            description=_description(node, item),
            method=method.upper(),
            server_url=read_server([node, item, self._root]),
            path=_encoded(path),
            parameters=parameters,
            body=body,
        )
        _check_storable(node, operation)
        return operation


def _check_path(node: Node, path: str) -> None:
    if not path.startswith("/"):
        raise node.mistake("must be a path that starts with a slash")
    if len(path) > _LONGEST_PATH:
        raise node.mistake(f"must be at most {_LONGEST_PATH:,} characters long")
    literal = _PLACEHOLDER.sub("", path)
    if any(character in "{}" for character in literal):
        raise node.mistake("has a brace without its counterpart")
    if any(character in "?#\\" or not character.isprintable() for character in literal):
        raise node.mistake("must not have a query, a fragment, a backslash or control characters")
    if re.search(r"%(?![0-9A-Fa-f]{2})", literal):
        raise node.mistake("has a % that is not followed by two hexadecimal digits")
    if any(is_dot_segment(segment) for segment in path.split("/")):
        raise node.mistake("must not have . or .. in it")


def _check_path_parameters(node: Node, path: str, parameters: tuple[Parameter, ...]) -> None:
    placeholders = _PLACEHOLDER.findall(path)
    described = [parameter.name for parameter in parameters if parameter.location == "path"]
    for name in placeholders:
        if name not in described:
            raise Node(None, join(node.path, "parameters")).mistake(
                f"does not describe the path parameter {name!r}"
            )
    for name in described:
        if name not in placeholders:
            raise Node(None, join(node.path, "parameters")).mistake(
                f"describes the path parameter {name!r}, which is not in the path"
            )


def _encoded(path: str) -> str:
    """Return the path with its literal parts percent-encoded and its placeholders as they are."""
    pieces = re.split(r"(\{[^{}]+\})", path)
    return "".join(
        piece if index % 2 else quote(piece, safe=_PATH_SAFE) for index, piece in enumerate(pieces)
    )


def _description(operation: Node, item: Node) -> str:
    """Return what the model reads: summary and description, cut to what an API accepts."""
    texts = [
        operation.text_at("summary") or item.text_at("summary"),
        operation.text_at("description") or item.text_at("description"),
    ]
    return cut("\n\n".join(text.strip() for text in texts if text.strip()))


def _check_storable(node: Node, operation: Operation) -> None:
    try:
        size = len(operation.to_json().encode())
    except ValueError:
        # JSON may hold "\ud800", half of a character, which no UTF-8 text can.
        raise node.mistake("holds text that is not Unicode") from None
    if size > LARGEST_OPERATION:
        raise node.mistake(
            f"takes {size:,} bytes with its references resolved; {LARGEST_OPERATION:,} are allowed"
        )
