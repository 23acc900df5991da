"""When a reader who follows a run's log looks at it again, and what its silences call for.

A look costs a read unit, whether it finds anything or not, and an event is late by the time until
the next look. While a model speaks, its deltas are written in a beat (every 50 ms, or at its own
pace if it is slower). The first look after a find is timed to come just before the next beat, and
the next ones follow quickly: about two looks a beat, and a lateness of a few milliseconds. While
nothing is written, looks are `QUIET_SECONDS` apart, and after a while a hundredth of the silence.
"""

from collections.abc import Callable
from typing import Final

# Gives seconds that never go back, from any beginning.
Monotonic = Callable[[], float]

QUICK_SECONDS: Final = 0.003
# However long a model thinks, its first token is late by this at most in the first five seconds.
QUIET_SECONDS: Final = 0.05
LONGEST_SECONDS: Final = 0.3
# After a silence, what comes next is late by this part of it.
SILENCE_SHARE: Final = 0.01
_GROWTH: Final = 1.4
# By so much the first look moves towards the beat.
_STEP_SECONDS: Final = 0.004
KEEPALIVE_SECONDS: Final = 15.0
DOUBT_SECONDS: Final = 10.0


class StreamPace:
    """Paces one stream.

    Args:
        clock: gives seconds.
        stream_seconds: how long the stream may last.
    """

    def __init__(self, clock: Monotonic, stream_seconds: float) -> None:
        self._clock = clock
        self._ends = clock() + stream_seconds
        self._news = self._sent = self._asked = self._answered = clock()
        self._first_look = QUIET_SECONDS
        self._misses = 0
        self._speaks = False

    def looked(self, batches: int) -> None:
        """Note a look that was answered, and how many batches it found."""
        self._answered = self._clock()
        if not batches:
            self._misses += 1
            return
        if self._speaks:
            self._adapt(batches)
        self._speaks = True
        self._misses = 0
        self._news = self._clock()

    def sent(self) -> None:
        """Note that something was sent."""
        self._sent = self._clock()

    def asked(self) -> None:
        """Note that the run itself was looked at."""
        self._asked = self._clock()

    def pause(self) -> float:
        """Return how many seconds to wait before the next look."""
        if not self._speaks:
            wait = QUIET_SECONDS
        elif not self._misses:
            wait = self._first_look
        else:
            wait = min(QUICK_SECONDS * _GROWTH ** (min(self._misses, 9) - 1), QUIET_SECONDS)
        silence = self._clock() - self._news
        return max(wait, min(silence * SILENCE_SHARE, LONGEST_SECONDS))

    @property
    def keepalive_is_due(self) -> bool:
        """Whether the connection must hear something, or who is between may take it for dead."""
        return self._clock() - self._sent >= KEEPALIVE_SECONDS - LONGEST_SECONDS

    @property
    def run_is_doubtful(self) -> bool:
        """Whether the log has been silent for so long that the run may be gone."""
        return self._clock() - max(self._news, self._asked) >= DOUBT_SECONDS

    @property
    def unanswered_seconds(self) -> float:
        """How long looks have failed."""
        return self._clock() - self._answered

    @property
    def time_is_up(self) -> bool:
        """Whether the stream has lasted as long as it may."""
        return self._clock() >= self._ends

    def _adapt(self, batches: int) -> None:
        """Move the first look so that the second one finds the next batch."""
        if batches > 1:
            self._first_look /= 2
        elif not self._misses:
            self._first_look -= _STEP_SECONDS
        else:
            self._first_look += _STEP_SECONDS * (self._misses - 1)
        self._first_look = min(max(self._first_look, QUICK_SECONDS), QUIET_SECONDS)
