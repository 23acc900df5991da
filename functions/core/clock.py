"""Time, passed in wherever it is needed."""

import time
from collections.abc import Callable

# Gives milliseconds since the epoch.
Clock = Callable[[], int]


def system_clock() -> int:
    """Return the machine's time in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
