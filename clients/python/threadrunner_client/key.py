"""The API key, kept out of everything that is shown."""

import re

# What a header can carry: visible ASCII characters. Libraries put a value that they refuse into
# their error message, so a key with a line break at its end is refused here, without being shown.
_SENDABLE = re.compile(r"[\x21-\x7e]+")


class ApiKey:
    """An API key whose text appears only in the header that is sent.

    Raises:
        ValueError: the key is empty, or has characters that a header cannot carry.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not _SENDABLE.fullmatch(text):
            raise ValueError(
                "The API key is empty or contains a space, a line break or a character outside "
                "ASCII."
            )
        self._text = text

    def __repr__(self) -> str:
        return "ApiKey(hidden)"

    def headers(self) -> dict[str, str]:
        """Return the header that carries the key."""
        return {"Authorization": f"Bearer {self._text}"}
