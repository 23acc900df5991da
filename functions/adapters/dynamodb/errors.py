"""Lost races and missing rows, as typed outcomes."""


class ThreadMissing(Exception):
    """There is no such thread in the tenant's project."""


class ThreadBusy(Exception):
    """A run is active on the thread.

    Args:
        run_id: the active run, if it is known.
    """

    def __init__(self, run_id: str | None) -> None:
        super().__init__("The thread has an active run.")
        self.run_id = run_id


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
