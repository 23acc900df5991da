"""Reading an untyped document so that each mistake is reported with its place."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from core.openapi.errors import InvalidDocument

JsonObject = dict[str, object]

_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,63}\Z")
_LONGEST_KEY_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the document, and the JSON path at which it stands."""

    value: object
    path: str

    def mistake(
        self, problem: str, kind: type[InvalidDocument] = InvalidDocument
    ) -> InvalidDocument:
        """Return the error for this place: `problem` completes the sentence "<path> …"."""
        return kind(f"{self.path or 'The document'} {problem}.", self.path)

    def child(self, key: str) -> "Node | None":
        """Return the value under `key` of this object; None if there is none.

        Raises:
            InvalidDocument: this is not an object.
        """
        fields = self.fields()
        return Node(fields[key], join(self.path, key)) if key in fields else None

    def required(self, key: str) -> "Node":
        """Return the value under `key` of this object.

        Raises:
            InvalidDocument: this is not an object, or it has no such key.
        """
        found = self.child(key)
        if found is None:
            raise Node(None, join(self.path, key)).mistake("is missing")
        return found

    def children(self) -> Iterator[tuple[str, "Node"]]:
        """Yield each key of this object with its value."""
        for key, value in self.fields().items():
            if not isinstance(key, str):
                raise self.mistake("must have texts as its keys")
            yield key, Node(value, join(self.path, key))

    def items(self) -> list["Node"]:
        """Return the items of this list."""
        if not isinstance(self.value, list):
            raise self.mistake("must be a list")
        return [Node(item, f"{self.path}[{index}]") for index, item in enumerate(self.value)]

    def fields(self) -> JsonObject:
        """Return this object's fields."""
        if not isinstance(self.value, dict):
            raise self.mistake("must be an object")
        return self.value

    def text(self) -> str:
        """Return this text."""
        if not isinstance(self.value, str):
            raise self.mistake("must be a text")
        return self.value

    def boolean(self) -> bool:
        """Return this truth value."""
        if not isinstance(self.value, bool):
            raise self.mistake("must be true or false")
        return self.value

    def text_at(self, key: str, default: str = "") -> str:
        """Return the text under `key` of this object, or the default if there is none."""
        found = self.child(key)
        return default if found is None else found.text()

    def boolean_at(self, key: str, *, default: bool = False) -> bool:
        """Return the truth value under `key` of this object, or the default if there is none."""
        found = self.child(key)
        return default if found is None else found.boolean()


def join(path: str, key: str) -> str:
    """Return the JSON path of `key` in the object at `path`."""
    if _PLAIN_KEY.match(key):
        return f"{path}.{key}" if path else key
    shown = key if len(key) <= _LONGEST_KEY_SHOWN else key[:_LONGEST_KEY_SHOWN] + "…"
    return f"{path}[{shown!r}]"


class References:
    """Follows the `$ref`s of one document, which must all point into the document itself.

    Args:
        document: the whole document.
    """

    def __init__(self, document: JsonObject) -> None:
        self._document = document
        self._targets: dict[str, Node] = {}

    def resolve(self, node: Node) -> Node:
        """Return what the node stands for: itself, or the end of its chain of `$ref`s.

        Raises:
            InvalidDocument: a reference leaves the document, points nowhere, or runs in a circle.
        """
        seen: set[str] = set()
        while (pointer := pointer_of(node)) is not None:
            if pointer in seen:
                raise node.mistake("refers to itself")
            seen.add(pointer)
            node = self.target(node, pointer)
        return node

    def target(self, node: Node, pointer: str) -> Node:
        """Return what `pointer`, written at `node`, points to: one step of the chain."""
        known = self._targets.get(pointer)
        if known is not None:
            return known
        here = Node(pointer, join(node.path, "$ref"))
        if not pointer.startswith("#/"):
            raise here.mistake(
                "must point into this document, as in #/components/schemas/Pet: "
                "other documents are not loaded"
            )
        found = Node(self._document, "")
        for token in pointer[2:].split("/"):
            step = _step(found, unquote(token).replace("~1", "/").replace("~0", "~"))
            if step is None:
                raise here.mistake("points to nothing in this document")
            found = step
        self._targets[pointer] = found
        return found


def pointer_of(node: Node) -> str | None:
    """Return the node's `$ref`, or None if it is not a reference."""
    if not isinstance(node.value, dict) or "$ref" not in node.value:
        return None
    return node.required("$ref").text()


def _step(node: Node, token: str) -> Node | None:
    if isinstance(node.value, dict):
        return node.child(token)
    # A pointer may lead through a list (RFC 6901, section 4), as in #/paths/~1pets/parameters/0.
    if isinstance(node.value, list) and re.fullmatch(r"0|[1-9][0-9]{0,5}", token):
        items = node.items()
        return items[int(token)] if int(token) < len(items) else None
    return None
