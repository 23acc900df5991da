"""What both fronts' subscriptions and mailboxes have in common: all but their waiting."""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from threadrunner_client.errors import ThreadRunnerError
from threadrunner_client.messages import Created
from threadrunner_client.reading import Reading

MailboxT = TypeVar("MailboxT")
FetchT = TypeVar("FetchT")


class _Flag(Protocol):
    """A `threading.Event`, or one of asyncio."""

    def is_set(self) -> bool: ...

    def set(self) -> object: ...


class Outcome:
    """One answer for whoever waits for it.

    Args:
        settled: set once it is there.
    """

    def __init__(self, settled: _Flag) -> None:
        self._settled = settled
        self._outcome: Created | ThreadRunnerError | None = None

    def settle(self, outcome: Created | ThreadRunnerError | None) -> None:
        """Give the answer, or say that there will be none; every further one is ignored."""
        if not self._settled.is_set():
            self._outcome = outcome
            self._settled.set()

    def result(self) -> Created | None:
        """Return what it was settled with, or raise it if it is an error."""
        if isinstance(self._outcome, ThreadRunnerError):
            raise self._outcome
        return self._outcome


class HeldSubscription(Generic[MailboxT, FetchT]):
    """A subscription, but for its loops.

    Args:
        mailbox: where its events wait.
        reading: the place of its reader.
        target: thread and run; without a run, the whole thread.
        timeout: seconds without an event after which a loop raises StreamTimeout.
        fetch: gets the whole of an event that came by reference.
        on_close: ends it.

    Attributes:
        thread_id: the thread.
    """

    def __init__(
        self,
        mailbox: MailboxT,
        reading: Reading,
        target: tuple[str, str | None],
        *,
        timeout: float | None,
        fetch: FetchT,
        on_close: Callable[[], None],
    ) -> None:
        self.thread_id, self._run_id = target
        self._mailbox = mailbox
        self._reading = reading
        self._timeout = timeout
        self._fetch = fetch
        self._on_close = on_close

    @property
    def run_id(self) -> str | None:
        """The run; None if the whole thread is followed."""
        return self._run_id

    @property
    def last(self) -> str | None:
        """The id of the last event that was handed out; None if there was none."""
        return self._reading.last


class HeldRun:
    """What is known of a run that was created over the socket.

    Attributes:
        run: the run as the HTTP API would have answered its creation; None if it was too large for
            a frame.
    """

    run: dict[str, Any] | None = None
    _run_id: str | None

    @property
    def run_id(self) -> str:
        """The run."""
        assert self._run_id is not None
        return self._run_id
