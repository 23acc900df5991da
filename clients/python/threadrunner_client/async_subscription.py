"""What an asynchronous caller holds of a subscription."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from threadrunner_client.errors import StreamTimeout
from threadrunner_client.held import HeldRun, HeldSubscription, Outcome
from threadrunner_client.messages import Created
from threadrunner_client.ordering import Event
from threadrunner_client.reading import Item
from threadrunner_client.sdk import as_sdk_event

if TYPE_CHECKING:
    from openai import AsyncAssistantEventHandler
    from openai.types.beta import AssistantStreamEvent

    HandlerT = TypeVar("HandlerT", bound=AsyncAssistantEventHandler)


class AsyncMailbox(Outcome):
    """Takes what the client has for a subscription to the task of its caller."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[Item] = asyncio.Queue()
        self._event = asyncio.Event()
        super().__init__(self._event)

    def put(self, *items: Item) -> None:
        """Add items; they come out in the same order."""
        for item in items:
            self._items.put_nowait(item)

    async def get(self, timeout: float | None) -> Item:
        """Return the next item. A cancelled call takes none.

        Raises:
            StreamTimeout: none came within `timeout` seconds.
        """
        if not self._items.empty():
            return self._items.get_nowait()
        try:
            async with asyncio.timeout(timeout):
                return await self._items.get()
        except TimeoutError:
            raise StreamTimeout(f"No event came for {timeout:g} s.") from None

    async def wait_until_settled(self) -> Created | None:
        """Wait for `settle`; return what it came with, or raise it if it is an error."""
        await self._event.wait()
        return self.result()


class AsyncSubscription(HeldSubscription[AsyncMailbox, Callable[[Event], Awaitable[Event]]]):
    """The events of a run or a thread, in order and each once. Iterate over it in one task.

    A loop over it ends where `until` says. Another loop goes on behind the last event of the one
    before, so one subscription serves a run through any number of submitted tool outputs, and a
    loop that was cancelled loses nothing.

    Attributes:
        thread_id: the thread.
    """

    def __aiter__(self) -> AsyncIterator[Event]:
        """Begin a loop; it raises what a loop over a `Subscription` raises."""
        return _Loop(self._next)

    async def _next(self) -> tuple[Event, bool] | None:
        """Return the next event, and whether the loop ends with it; None at the end of all."""
        if self._reading.needs_item:
            self._reading.take(await self._mailbox.get(self._timeout))
        event = self._reading.event()
        if event is None:
            return None
        event = await self._fetch(event)
        return event, self._reading.hand_out(event)

    def feed(self, handler: "HandlerT") -> "HandlerT":
        """Give a handler of the OpenAI SDK the events of one loop; return the handler.

        It takes them when it is read, as in the SDK: `await handler.until_done()`. See
        `Subscription.feed`.

        Raises:
            RuntimeError: the handler was given events before.
        """
        # Every major version of the SDK (1 to 3) gives its handlers their stream in this way.
        stream: Any = _SdkStream(self)
        handler._init(stream)
        return handler

    async def close(self) -> None:
        """End the subscription. Events that already came can still be iterated over."""
        self._on_close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


class AsyncCreatedRun(HeldRun, AsyncSubscription):
    """The events of a run that was created over the socket, from its first on."""


class _Loop:
    """One loop over a subscription. Not a generator: one that is left would need a task to end."""

    def __init__(self, step: Callable[[], Awaitable[tuple[Event, bool] | None]]) -> None:
        self._step = step
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        came = None if self._ended else await self._step()
        if came is None:
            self._ended = True
            raise StopAsyncIteration
        event, self._ended = came
        return event


class _SdkStream:
    """A loop over a subscription, with what the SDK's handlers need of a stream."""

    def __init__(self, subscription: AsyncSubscription) -> None:
        self._subscription = subscription

    async def __aiter__(self) -> "AsyncIterator[AssistantStreamEvent]":
        async for event in self._subscription:
            yield as_sdk_event(event)

    async def close(self) -> None:
        await self._subscription.close()


class _Closable(Protocol):
    async def close(self) -> None: ...


_T = TypeVar("_T", bound=_Closable)


class Opening(Generic[_T]):
    """Something that begins when it is awaited, or entered with `async with`."""

    def __init__(self, begin: Callable[[], Awaitable[_T]]) -> None:
        self._begin = begin
        self._opened: _T | None = None

    def __await__(self) -> Generator[Any, None, _T]:
        return self._begin().__await__()

    async def __aenter__(self) -> _T:
        self._opened = opened = await self._begin()
        return opened

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._opened is not None:
            await self._opened.close()
