"""What a caller holds of a subscription: a queue of events that can be iterated over."""

import queue
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from threadrunner_client.errors import StreamTimeout, ThreadRunnerError
from threadrunner_client.messages import Created
from threadrunner_client.ordering import Event
from threadrunner_client.reading import Item, Reading
from threadrunner_client.sdk import as_sdk_event

if TYPE_CHECKING:
    from openai import AssistantEventHandler
    from openai.types.beta import AssistantStreamEvent

    HandlerT = TypeVar("HandlerT", bound=AssistantEventHandler)


class Mailbox:
    """Takes what the client's thread has for a subscription to the thread of its caller."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._settled = threading.Event()
        self._outcome: Created | ThreadRunnerError | None = None

    def put(self, *items: Item) -> None:
        """Add items; they come out in the same order."""
        for item in items:
            self._items.put(item)

    def get(self, timeout: float | None) -> Item:
        """Return the next item.

        Raises:
            StreamTimeout: none came within `timeout` seconds.
        """
        try:
            return self._items.get(timeout=timeout)
        except queue.Empty:
            raise StreamTimeout(f"No event came for {timeout:g} s.") from None

    def settle(self, outcome: Created | ThreadRunnerError | None) -> None:
        """Let the waiting thread go on: there is an answer, or there will be none."""
        if not self._settled.is_set():
            self._outcome = outcome
            self._settled.set()

    def wait_until_settled(self) -> Created | None:
        """Wait for `settle`; return what it came with, or raise it if it is an error."""
        self._settled.wait()
        if isinstance(self._outcome, ThreadRunnerError):
            raise self._outcome
        return self._outcome


class Subscription:
    """The events of a run or a thread, in order and each once. Iterate over it in one thread.

    A loop over it ends where `until` says. Another loop goes on behind the last event of the one
    before, so one subscription serves a run through any number of submitted tool outputs.

    Attributes:
        thread_id: the thread.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        reading: Reading,
        target: tuple[str, str | None],
        *,
        timeout: float | None,
        fetch: Callable[[Event], Event],
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

    def __iter__(self) -> Iterator[Event]:
        """Yield events up to where the loop ends.

        Raises:
            StreamTimeout: no event came for as long as the caller allowed; a new loop goes on.
            SubscriptionError: the server refused the subscription.
            ConnectionLost: there was no connection for too long.
            AuthenticationError: the server does not accept the key or the ticket.
            EventsExpired: the server no longer has what is missing.
            EventUnavailable: an event too large for a frame could not be fetched; a new loop tries
                again.
            ProtocolError: the server sent something that is not the protocol.
        """
        reading, ended = self._reading, False
        while not ended:
            if reading.needs_item:
                reading.take(self._mailbox.get(self._timeout))
            event = reading.event()
            if event is None:
                return
            event = self._fetch(event)
            ended = reading.hand_out(event)
            yield event

    def feed(self, handler: "HandlerT") -> "HandlerT":
        """Give a handler of the OpenAI SDK the events of one loop; return the handler.

        It takes them when it is read, as in the SDK: `until_done()`, `get_final_run()`,
        `text_deltas`, or a loop over it. A handler serves for one loop; after tool outputs were
        submitted, give the next loop to a new one. It has to see a run from its start, or from
        where it waited for the outputs.

        Raises:
            RuntimeError: the handler was given events before.
        """
        # Every major version of the SDK (1 to 3) gives its handlers their stream in this way.
        stream: Any = _SdkStream(self)
        handler._init(stream)
        return handler

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


class CreatedRun(Subscription):
    """The events of a run that was created over the socket, from its first on.

    Attributes:
        run: the run as the HTTP API would have answered its creation; None if it was too large for
            a frame.
    """

    run: dict[str, Any] | None = None

    @property
    def run_id(self) -> str:
        """The run."""
        return cast(str, super().run_id)


class _SdkStream:
    """A loop over a subscription, with what the SDK's handlers need of a stream."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    def __iter__(self) -> "Iterator[AssistantStreamEvent]":
        return map(as_sdk_event, self._subscription)

    def close(self) -> None:
        self._subscription.close()
