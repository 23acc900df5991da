"""Identifiers: OpenAI's prefixes, then a ULID, so that ids sort by the time of their making."""

import re
import secrets
import threading
import time
from collections.abc import Callable

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26
_RANDOM_BITS = 80
_ID_PATTERN = re.compile(r"[a-z]+[_-][A-Za-z0-9]{1,64}")


class IdSource:
    """Makes ids that sort in the order in which one source made them.

    The layout is that of a ULID (48 bits of milliseconds, 80 random bits, Crockford's base 32):
    within a millisecond the random part counts up, so a source never gives two ids out of order.

    Args:
        now_ms: the clock, in milliseconds since the epoch.
        random_bits: gives that many random bits as an integer.
    """

    def __init__(
        self,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        random_bits: Callable[[int], int] = secrets.randbits,
    ) -> None:
        self._now_ms = now_ms
        self._random_bits = random_bits
        self._last = 0
        self._lock = threading.Lock()

    def new(self, prefix: str, separator: str = "_") -> str:
        """Return a new id.

        Args:
            prefix: what kind of object, without a separator: `thread`, `run`, `msg`, `step`, …
            separator: what follows the prefix: a hyphen in the ids of files.

        Returns:
            The prefix, the separator and 26 lowercase letters and digits.
        """
        with self._lock:
            fresh = (self._now_ms() << _RANDOM_BITS) | self._random_bits(_RANDOM_BITS)
            same_or_earlier = fresh >> _RANDOM_BITS <= self._last >> _RANDOM_BITS
            self._last = self._last + 1 if same_or_earlier else fresh
            value = self._last
        return f"{prefix}{separator}{_encode(value)}"


def _encode(value: int) -> str:
    digits = []
    for _ in range(_LENGTH):
        digits.append(_ALPHABET[value & 31])
        value >>= 5
    return "".join(reversed(digits))


def is_well_formed(identifier: str) -> bool:
    """Tell whether a string can be an id at all (a prefix, `_` or `-`, letters and digits).

    Whatever else stands in a URL is an unknown id, and never becomes part of a table's key.
    """
    return _ID_PATTERN.fullmatch(identifier) is not None
