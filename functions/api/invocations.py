"""What both HTTP functions do around a request: Lambda freezes what is not done by its end."""

from typing import Final

from wiring.bootstrap import api_context
from wiring.telemetry import count, duration

# An answer waits this long for its events to be pushed.
DRAIN_SECONDS: Final = 5.0


def finish_pushes() -> None:
    """Wait until the events of this invocation are pushed, if it has pushed any."""
    if api_context.cache_info().currsize:
        api_context().pusher.drain(DRAIN_SECONDS)


def measure_request(status: int, seconds: float) -> None:
    """Note that a request was answered: with which status, and after how long."""
    count("RequestsFailed" if status >= 500 else "Requests")
    duration("RequestTime", seconds * 1000)
