"""How long a client that polls a run shall wait before it looks again."""

from typing import Final

from core.records import RunRecord

# The SDKs' pollers obey this header of a run's retrieval; without it they wait a second.
POLL_AFTER_MS: Final = "openai-poll-after-ms"
_SHORTEST_MS: Final = 100
_LONGEST_MS: Final = 2_000
# A look comes late by at most this part of the time that was waited already.
_SHARE: Final = 5


def poll_after_ms(run: RunRecord, now_ms: int) -> int:
    """Return when a run is worth another look, in milliseconds.

    It grows with the time since the client last set the run going: a quick run is seen to end
    quickly, and one that takes minutes is not asked for ten times a second.

    Args:
        run: the run as it is now.
        now_ms: milliseconds since the epoch.
    """
    waited = max(0, now_ms - run.set_going_ms)
    return min(max(waited // _SHARE, _SHORTEST_MS), _LONGEST_MS)
