"""Which operations a document has, before any of them is read."""

from dataclasses import dataclass
from typing import Final

from core.openapi.choice import Described
from core.openapi.errors import InvalidDocument
from core.openapi.names import function_name
from core.openapi.nodes import Node, References
from core.openapi.paths import check_path

_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")
_BESIDE_METHODS: Final = frozenset({"$ref", "summary", "description", "servers", "parameters"})
_LONGEST_PATH_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something of the document that cannot be a tool.

    Attributes:
        endpoint: method and path, as in `POST /photos`; the path alone if all of it is meant.
        mistake: why.
    """

    endpoint: str
    mistake: InvalidDocument


@dataclass(frozen=True, slots=True)
class Entry:
    """An operation that has yet to be read."""

    described: Described
    method: str
    path: str
    item: Node
    node: Node


class Outline:
    """The operations of a document, and what stands in their places without being one.

    Args:
        root: the document.
        references: of the document.
    """

    def __init__(self, root: Node, references: References) -> None:
        self.references = references
        self.entries: list[Entry] = []
        self.skipped: list[Skipped] = []
        self._names: set[str] = set()
        for path, node in root.required("paths").children():
            if not path.startswith("x-"):
                try:
                    self._read_path(path, node)
                except InvalidDocument as mistake:
                    self.skipped.append(Skipped(_shown(path), mistake))

    def _read_path(self, path: str, node: Node) -> None:
        check_path(node, path)
        item = self.references.resolve(node)
        for key, operation in item.children():
            if key in _BESIDE_METHODS or key.startswith("x-"):
                continue
            endpoint = f"{key.upper()} {_shown(path)}"
            try:
                if key not in _METHODS:
                    raise operation.mistake(f"must be one of the methods {', '.join(_METHODS)}")
                described = self._describe(path, key, operation)
            except InvalidDocument as mistake:
                self.skipped.append(Skipped(endpoint, mistake))
            else:
                self.entries.append(Entry(described, key, path, item, operation))

    def _describe(self, path: str, method: str, node: Node) -> Described:
        operation_id = node.text_at("operationId")
        tags = node.child("tags")
        return Described(
            name=function_name(operation_id, method, path, self._names),
            operation_id=operation_id,
            endpoint=f"{method.upper()} {path}",
            tags=() if tags is None else tuple(tag.text() for tag in tags.items()),
        )


def _shown(path: str) -> str:
    """Return a path as answers repeat it."""
    return path[:_LONGEST_PATH_SHOWN].encode(errors="replace").decode()
