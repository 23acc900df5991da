"""OpenAPI 3.0 and 3.1 documents as the operations that they describe.

The document comes from a user and is checked as far as requests are built from it; the rest of it
(responses, security, webhooks) is not looked at. An operation that cannot be offered is left out
and told of, so that one upload among hundreds of operations does not keep out the others.
"""

import re
from dataclasses import dataclass
from typing import Final

from core.openapi.bodies import BodyReader
from core.openapi.choice import Choice
from core.openapi.errors import InvalidDocument, TooLarge
from core.openapi.names import cut
from core.openapi.nodes import JsonObject, Node, References
from core.openapi.operation import Operation
from core.openapi.outline import Entry, Outline, Skipped
from core.openapi.parameters import ParameterReader
from core.openapi.paths import check_path_parameters, encoded_path
from core.openapi.schemas import DEPTHS, SchemaReader
from core.openapi.servers import Servers

MOST_OPERATIONS: Final = 500
# An operation and its function's schema must fit into one item of a table (400 KB).
LARGEST_OPERATION: Final = 131_072

_VERSION = re.compile(r"3\.([01])\.\d+(-.+)?\Z")
# OpenAPI 3.0.4, "Operation Object": where HTTP gives a body no meaning, it is ignored.
_WITHOUT_BODY = frozenset({"get", "head"})


@dataclass(frozen=True, slots=True)
class Document:
    """What a document offers.

    Attributes:
        operations: those that were wanted, in the document's order; at least one.
        skipped: those among them that cannot be offered.
    """

    operations: tuple[Operation, ...]
    skipped: tuple[Skipped, ...] = ()


def parse_document(
    document: JsonObject, choice: Choice | None = None, servers: Servers | None = None
) -> Document:
    """Return what the document describes.

    Args:
        document: an OpenAPI document, as JSON was read: only objects, lists, texts, numbers, truth
            values and nulls.
        choice: which operations are wanted; by default all.
        servers: where requests go; by default where the document says.

    Raises:
        InvalidDocument: it is none, it describes more operations than may be registered at once, an
            operation that the choice names cannot be offered, or none of those that are wanted can.
        UnknownChoice: the choice names what the document lacks.
    """
    root = Node(document, "")
    is_3_0 = _is_3_0(root)
    choice, servers = choice or Choice(), servers or Servers()
    servers.check(root)
    outline = Outline(root, References(document))
    choice.check([entry.described for entry in outline.entries])
    wanted = [entry for entry in outline.entries if choice.takes(entry.described)]
    if len(wanted) > MOST_OPERATIONS:
        raise Node(None, "paths").mistake(
            f"describes {len(wanted)} operations, of which {MOST_OPERATIONS} can be registered at "
            "once: choose among them"
        )
    reader = _OperationReader(root, outline.references, servers, is_3_0=is_3_0)
    found: list[Operation] = []
    skipped = outline.skipped if choice.is_all else []
    for entry in wanted:
        try:
            found.append(reader.read(entry))
        except InvalidDocument as mistake:
            if choice.names(entry.described) or reader.is_exhausted:
                raise
            skipped.append(Skipped(entry.described.endpoint, mistake))
    if not found:
        raise (
            skipped[0].mistake
            if skipped
            else Node(None, "paths").mistake("must describe at least one operation")
        )
    return Document(tuple(found), tuple(skipped))


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


class _OperationReader:
    """Reads operations.

    Args:
        root: the document.
        references: of the document.
        servers: where requests go.
        is_3_0: the document is OpenAPI 3.0.
    """

    def __init__(
        self, root: Node, references: References, servers: Servers, *, is_3_0: bool
    ) -> None:
        self._root = root
        self._servers = servers
        self._schemas = SchemaReader(references, is_3_0=is_3_0)
        self._parameters = ParameterReader(references, self._schemas)
        self._bodies = BodyReader(references, self._schemas)
        self._cuts = list(DEPTHS[1:])

    @property
    def is_exhausted(self) -> bool:
        """Whether the document is too large for anything more of it to be read."""
        return self._schemas.is_exhausted

    def read(self, entry: Entry) -> Operation:
        """Return the operation, whose schemas are cut at some depth if they are too large whole.

        Raises:
            InvalidDocument: it has a mistake, or asks for something that is not supported.
        """
        depths = [DEPTHS[0], *self._cuts]
        for depth in depths:
            try:
                with self._schemas.cut_at(depth):
                    operation = self._read(entry)
            except TooLarge:
                if depth == depths[-1] or self.is_exhausted:
                    raise
            else:
                if depth != DEPTHS[0]:
                    # What one large operation needed, the next one needs as well.
                    self._cuts = depths[depths.index(depth) :]
                return operation
        raise AssertionError("The last depth returns or raises.")

    def _read(self, entry: Entry) -> Operation:
        node, item = entry.node, entry.item
        parameters = self._parameters.parameters([item, node])
        check_path_parameters(node, entry.path, parameters)
        body = None if entry.method in _WITHOUT_BODY else self._bodies.body(node, parameters)
        operation = Operation(
            name=entry.described.name,
            description=_description(node, item),
            method=entry.method.upper(),
            server_url=self._servers.of([node, item, self._root]),
            path=encoded_path(entry.path),
            parameters=parameters,
            body=body,
        )
        _check_storable(node, operation)
        return operation


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
            f"takes {size:,} bytes with its references resolved; {LARGEST_OPERATION:,} are allowed",
            TooLarge,
        )
