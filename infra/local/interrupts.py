"""What happens when the user, or the system, interrupts a command."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_signals() -> None:
    """Make every signal that asks this process to end raise KeyboardInterrupt, as Ctrl-C does.

    So whoever started something gets to end it.
    """
    for number in _SIGNALS:
        signal.signal(number, _interrupt)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore those signals for the duration of the block, which is short and cleans up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.signal(number, signal.SIG_IGN) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
