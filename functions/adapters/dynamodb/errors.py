"""Lost races and missing rows, as typed outcomes."""

from core.changes import ThreadLine


class ThreadMissing(Exception):
    """There is no such thread in the tenant's project."""


class ThreadBusy(Exception):
    """A run is active on the thread.

    Args:
        line: the active run, and those that wait for it.
    """

    def __init__(self, line: ThreadLine) -> None:
        super().__init__("The thread has an active run.")
        self.line = line
        self.run_id = line.active


class LineFull(Exception):
    """As many runs wait for the thread as may.

    Args:
        waiting: how many do.
    """

    def __init__(self, waiting: int) -> None:
        super().__init__("The thread's line is full.")
        self.waiting = waiting


class LineMoved(Exception):
    """The thread's line is not as the writer has seen it; nothing was written.

    Args:
        line: the line as it is.
    """

    def __init__(self, line: ThreadLine) -> None:
        super().__init__("Runs have joined or left the thread's line.")
        self.line = line


class MessageOpen(Exception):
    """A run is still writing the message."""


class RunMoved(Exception):
    """Somebody moved the run since it was read: read it again and decide again."""


class LeaseLost(Exception):
    """This worker no longer holds the run's lease: it may write nothing more."""


class CancelRequested(Exception):
    """The run is asked to cancel: only that may be committed now."""


class CallTaken(Exception):
    """The tool call is being carried out by somebody else, or has its output."""


class StoreUnavailable(Exception):
    """The table did not take the write for a passing reason; the same may be tried again."""


class StoreSilent(Exception):
    """The table did not answer, for a passing reason: what was asked of it may be done or not."""
