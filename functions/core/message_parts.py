"""A message's content as it is put together: texts and refusals, each of many pieces."""

from typing import Final

from core.schema.messages import RefusalContent, Text, TextContent

# A token alone takes ten times the memory of its characters: so many at most are kept as they came.
MAX_PIECES: Final = 1000


class MessageParts:
    """Collects pieces; neighbours of one kind are one part."""

    def __init__(self) -> None:
        self._parts: list[tuple[str, list[str]]] = []

    def add(self, kind: str, piece: str) -> tuple[int, bool]:
        """Take a piece of a kind, `text` or `refusal`.

        Returns:
            The index of the piece's part, and whether the part begins with it.
        """
        begins = not self._parts or self._parts[-1][0] != kind
        if begins:
            self._parts.append((kind, []))
        pieces = self._parts[-1][1]
        pieces.append(piece)
        if len(pieces) > MAX_PIECES:
            pieces[:] = ["".join(pieces)]
        return len(self._parts) - 1, begins

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing in it but blanks."""
        return not any(piece.strip() for _, pieces in self._parts for piece in pieces)

    def content(self) -> list[TextContent | RefusalContent]:
        """Return what the pieces add up to."""
        return [
            TextContent(text=Text(value="".join(pieces)))
            if kind == "text"
            else RefusalContent(refusal="".join(pieces))
            for kind, pieces in self._parts
        ]
