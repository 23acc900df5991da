"""What must be done before a function's answer is complete: Lambda freezes what is not."""

from typing import Final

from wiring.bootstrap import api_context

# An answer waits this long for its events to be pushed.
DRAIN_SECONDS: Final = 5.0


def finish_pushes() -> None:
    """Wait until the events of this invocation are pushed, if it has pushed any."""
    if api_context.cache_info().currsize:
        api_context().pusher.drain(DRAIN_SECONDS)
