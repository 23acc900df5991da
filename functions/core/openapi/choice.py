"""Which of a document's operations are wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from core.openapi.errors import UnknownChoice


@dataclass(frozen=True, slots=True)
class Described:
    """What one can choose an operation by.

    Attributes:
        name: the function's name for the model.
        operation_id: the document's own name; "" if it gives none.
        endpoint: method and path, as in `GET /pets/{id}`.
        tags: the document's.
    """

    name: str
    operation_id: str
    endpoint: str
    tags: tuple[str, ...] = ()

    @property
    def identifiers(self) -> set[str]:
        """All that names this operation."""
        return {self.name, self.operation_id, self.endpoint} - {""}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which operations are wanted: those that are named, and those that have one of the tags.

    Attributes:
        operations: by name, by `operationId`, or by method and path; None names none.
        tags: None names none. Without both, all operations are wanted.
    """

    operations: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None

    @property
    def is_all(self) -> bool:
        """Whether all operations are wanted."""
        return self.operations is None and self.tags is None

    def names(self, described: Described) -> bool:
        """Return whether the choice names this very operation."""
        return not described.identifiers.isdisjoint(self.operations or ())

    def takes(self, described: Described) -> bool:
        """Return whether the operation is wanted."""
        by_tag = not set(described.tags).isdisjoint(self.tags or ())
        return self.is_all or by_tag or self.names(described)

    def check(self, available: Sequence[Described]) -> None:
        """Check that there is something of each name and of each tag.

        Raises:
            UnknownChoice: there is not.
        """
        known = {name for one in available for name in one.identifiers}
        _check("operations", "operation of this name", self.operations, known)
        tags = {tag for one in available for tag in one.tags}
        _check("tags", "operation with this tag", self.tags, tags)


def _check(field: str, thing: str, wanted: Sequence[str] | None, known: set[str]) -> None:
    for index, name in enumerate(wanted or ()):
        if name not in known:
            similar = get_close_matches(name[:100], sorted(known), n=3)
            hint = f" Similar: {', '.join(similar)}." if similar else ""
            raise UnknownChoice(f"the document has no {thing}.{hint}", f"{field}[{index}]")
