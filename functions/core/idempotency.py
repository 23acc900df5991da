"""When two requests are the same one: sent again because its answer was lost.

The SDKs name no key. They count their attempts in `x-stainless-retry-count`, so a request that
counts above zero, and is equal to one that came within the last minute, or for each further attempt
a minute before, repeats that one. Clients of other make send an `Idempotency-Key`, which holds for
a day.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

# A retry follows the attempt before it within the gateway's time limit, 29 seconds, and the pause
# that the SDKs then make: 8 seconds at most.
_RETRY_MS: Final = 60_000
_MOST_COUNTED: Final = 10
KEY_SECONDS: Final = 86_400
MAX_KEY_LENGTH: Final = 255


@dataclass(frozen=True, slots=True)
class Attempt:
    """One arrival of a request that makes something.

    Attributes:
        caller: whose key it came with.
        fingerprint: a digest of what was asked: the same for equal requests.
        arrived_ms: when it arrived at the edge, in milliseconds since the epoch.
        retries: how many attempts came before this one, as the client counts.
        key: the client's `Idempotency-Key`, if it sent one.
    """

    caller: str
    fingerprint: str
    arrived_ms: int
    retries: int = 0
    key: str | None = None

    @property
    def may_repeat(self) -> bool:
        """Whether the request may have been answered before."""
        return self.key is not None or self.retries > 0

    @property
    def window_ms(self) -> int:
        """How long ago the first attempt may have arrived, by how many came after it."""
        return min(self.retries, _MOST_COUNTED) * _RETRY_MS

    @property
    def record_id(self) -> str:
        """Names the record of the answer: the same for every attempt at the same request."""
        if self.key is not None:
            return digest(self.caller, "key", self.key)
        return digest(self.caller, "body", self.fingerprint)

    def renewed(self, fingerprint: str) -> "Attempt":
        """Return the attempt with another fingerprint: of a body that is no sequence of bytes."""
        return Attempt(self.caller, fingerprint, self.arrived_ms, self.retries, self.key)


def digest(*parts: str | bytes) -> str:
    """Return a digest of parts, in which it counts where one ends and the next begins."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        whole.update(len(data).to_bytes(8, "big"))
        whole.update(data)
    return whole.hexdigest()
