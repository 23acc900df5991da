"""Secrets that come back: some services repeat the request, and the model reads the response."""

import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

MASK: Final = "***"
# Shorter texts stand everywhere by chance: hiding them would spoil the response, and the places
# where something is hidden would tell what it is.
SHORTEST_HIDDEN: Final = 4


class Mask:
    """Hides secrets in a text, plain and as JSON, HTML and URLs write them.

    Args:
        secrets: what to hide; those of less than `SHORTEST_HIDDEN` characters are not.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        # The longest first: one secret may be a part of another.
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._longest = len(ordered[0]) if ordered else 0
        # Without regard to case: percent-encoding is written in both.
        self._pattern = (
            re.compile("|".join(map(re.escape, ordered)), re.IGNORECASE) if ordered else None
        )

    def finds(self, text: str) -> bool:
        """Return whether a text holds a secret."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def hide(self, text: str, *, cut: bool = False) -> str:
        """Return the text with `***` for every secret.

        Args:
            text: what may hold secrets.
            cut: the text is only a beginning; what may be the first part of a secret at its end is
                left out.
        """
        if self._pattern is None:
            return text
        hidden = self._pattern.sub(MASK, text)
        return hidden[: max(0, len(hidden) - self._longest + 1)] if cut else hidden


def _forms(secret: str) -> Iterator[str]:
    if len(secret) < SHORTEST_HIDDEN:
        return
    yield secret
    yield quote(secret)
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield html.escape(secret)
    for ascii_only in (True, False):
        escaped = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield escaped
        yield escaped.replace("/", "\\/")
