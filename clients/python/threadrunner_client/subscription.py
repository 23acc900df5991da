"""What a caller holds of a subscription: a queue of events that can be iterated over."""

import queue
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from threadrunner_client.errors import StreamTimeout
from threadrunner_client.held import HeldRun, HeldSubscription, Outcome
from threadrunner_client.messages import Created
from threadrunner_client.ordering import Event
from threadrunner_client.reading import Item
from threadrunner_client.sdk import as_sdk_event

if TYPE_CHECKING:
    from openai import AssistantEventHandler
    from openai.types.beta import AssistantStreamEvent

    HandlerT = TypeVar("HandlerT", bound=AssistantEventHandler)


class Mailbox(Outcome):
    """Takes what the client's thread has for a subscription to the thread of its caller."""

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._event = threading.Event()
        super().__init__(self._event)

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

    def wait_until_settled(self) -> Created | None:
        """Wait for `settle`; return what it came with, or raise it if it is an error."""
        self._event.wait()
        return self.result()


class Subscription(HeldSubscription[Mailbox, Callable[[Event], Event]]):
    """The events of a run or a thread, in order and each once. Iterate over it in one thread.

    A loop over it ends where `until` says. Another loop goes on behind the last event of the one
    before, so one subscription serves a run through any number of submitted tool outputs.

    Attributes:
        thread_id: the thread.
    """

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


class CreatedRun(HeldRun, Subscription):
    """The events of a run that was created over the socket, from its first on."""


class _SdkStream:
    """A loop over a subscription, with what the SDK's handlers need of a stream."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    def __iter__(self) -> "Iterator[AssistantStreamEvent]":
        return map(as_sdk_event, self._subscription)

    def close(self) -> None:
        self._subscription.close()
