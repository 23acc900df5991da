"""What a caller holds of a subscription: a queue of events that can be iterated over."""

import queue
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Literal, Self

from threadrunner_client.errors import StreamTimeout, ThreadRunnerError
from threadrunner_client.feed import RUN_ENDS, RUN_PAUSES
from threadrunner_client.ordering import Event

Until = Literal["pause", "end", "closed"]

STOPS: dict[Until, frozenset[str]] = {
    "pause": RUN_ENDS | RUN_PAUSES,
    "end": RUN_ENDS,
    "closed": frozenset(),
}


class NoMore:
    """Stands in a mailbox for the end of the events."""


Item = Event | NoMore | ThreadRunnerError


class Mailbox:
    """Takes what the client's thread has for a subscription to the thread of its caller."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._settled = threading.Event()
        self._refusal: ThreadRunnerError | None = None

    def put(self, *items: Item) -> None:
        """Add items; they come out in the same order."""
        for item in items:
            self._items.put(item)

    def get(self, timeout: float | None) -> Item:
        """Return the next item.

        Raises:
            queue.Empty: none came within `timeout` seconds.
        """
        return self._items.get(timeout=timeout)

    def settle(self, last_word: NoMore | ThreadRunnerError | None = None) -> None:
        """Let the subscribing thread go on: the server knows of the subscription, or never will."""
        if not self._settled.is_set():
            self._refusal = last_word if isinstance(last_word, ThreadRunnerError) else None
            self._settled.set()

    def wait_until_settled(self) -> None:
        """Wait for `settle`; raise the error if it came with one."""
        self._settled.wait()
        if self._refusal is not None:
            raise self._refusal


class Subscription:
    """The events of a run or a thread, in order and each once. Iterate over it in one thread.

    A loop over it ends where `until` says. Another loop goes on behind the last event of the one
    before, so one subscription serves a run through any number of submitted tool outputs.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        *,
        until: Until,
        timeout: float | None,
        fetch: Callable[[Event], Event],
        on_close: Callable[[], None],
    ) -> None:
        self._mailbox = mailbox
        self._stops = STOPS[until]
        self._timeout = timeout
        self._fetch = fetch
        self._on_close = on_close
        self._next: Item | None = None
        self._last: str | None = None

    @property
    def last(self) -> str | None:
        """The id of the last event that was handed out; None if there was none."""
        return self._last

    def __iter__(self) -> Iterator[Event]:
        """Yield events up to where the loop ends.

        Raises:
            StreamTimeout: no event came for as long as the caller allowed; a new loop goes on.
            SubscriptionError: the server refused the subscription.
            ConnectionLost: there was no connection for too long.
            AuthenticationError: the server does not accept the key.
            EventsExpired: the server no longer has what is missing.
            EventUnavailable: an event too large for a frame could not be fetched; a new loop tries
                again.
            ProtocolError: the server sent something that is not the protocol.
        """
        while True:
            if self._next is None:
                self._next = self._wait()
            if isinstance(self._next, NoMore):
                return
            if isinstance(self._next, ThreadRunnerError):
                raise self._next
            # It stays the next one until it is whole: a failed fetch loses no event.
            event = self._fetch(self._next)
            self._next = None
            self._last = event.id
            yield event
            if event.event in self._stops:
                return

    def _wait(self) -> Item:
        try:
            return self._mailbox.get(self._timeout)
        except queue.Empty:
            raise StreamTimeout(f"No event came for {self._timeout:g} s.") from None

    def close(self) -> None:
        """End the subscription. Events that already came can still be iterated over."""
        self._on_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
