"""Characters that arrive in halves.

JSON may spell a character as two escapes, the halves of a surrogate pair, and some providers cut
their answers between them: each half alone is no text that UTF-8 can write (RFC 8259, section 8.2).
"""

import re
from typing import Final

_HALF: Final = re.compile("[\ud800-\udfff]")
_FIRST_HALVES: Final = ("\ud800", "\udbff")


def whole_text(text: str) -> str:
    """Return a text that can be written: pairs put together, U+FFFD for each half that is alone."""
    if _HALF.search(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class TextPieces:
    """Mends a text that comes in pieces: all that it gives is, together, `whole_text` of them."""

    def __init__(self) -> None:
        self._held = ""

    def push(self, piece: str) -> str:
        """Take a piece; return what can be said: a first half at its end waits for the second."""
        text = self._held + piece
        first, last = _FIRST_HALVES
        self._held = text[-1] if text and first <= text[-1] <= last else ""
        return whole_text(text[: len(text) - len(self._held)])

    def finish(self) -> str:
        """Return what still waits, as U+FFFD; another text may follow."""
        held, self._held = self._held, ""
        return whole_text(held)
