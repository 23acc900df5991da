"""Both fronts of the client behind one face, so that a test can hold for each.

The asynchronous one runs in an event loop on a thread of its own; when it is closed, nothing may be
left in its loop.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.integration.clients.fake_gateway import PATIENCE_SECONDS
from threadrunner_client import (
    AsyncClient,
    AsyncCreatedRun,
    AsyncSubscription,
    Client,
    CreatedRun,
    Event,
    Subscription,
)

T = TypeVar("T")
Call = Callable[[Coroutine[Any, Any, Any]], Any]


class LoopSubscription:
    """An asynchronous subscription, read from a thread."""

    def __init__(self, subscription: AsyncSubscription, call: Call) -> None:
        self.inner = subscription
        self._call = call

    @property
    def last(self) -> str | None:
        return self.inner.last

    @property
    def thread_id(self) -> str:
        return self.inner.thread_id

    @property
    def run_id(self) -> str | None:
        return self.inner.run_id

    def __iter__(self) -> Iterator[Event]:
        loop = aiter(self.inner)
        while (event := self._call(_next_or_none(loop))) is not None:
            yield event

    def close(self) -> None:
        self._call(self.inner.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class LoopCreatedRun(LoopSubscription):
    """The asynchronous subscription to a run that it created."""

    inner: AsyncCreatedRun

    @property
    def run_id(self) -> str:
        return self.inner.run_id

    @property
    def run(self) -> dict[str, Any] | None:
        return self.inner.run


class LoopClient:
    """An asynchronous client, used from threads."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.inner = AsyncClient(*arguments, **options)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._call(self.inner.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
        self._stop()

    def subscribe(self, **options: Any) -> LoopSubscription:
        opening = self.inner.subscribe(**options)
        return LoopSubscription(self._call(_value_of(opening)), self._call)

    def create_run(self, **options: Any) -> LoopCreatedRun:
        opening = self.inner.create_run(**options)
        return LoopCreatedRun(self._call(_value_of(opening)), self._call)

    def close(self) -> None:
        if self._thread.is_alive():
            self._call(self.inner.close())

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if not self._thread.is_alive():
            return asyncio.run(coroutine)
        call = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return call.result(2 * PATIENCE_SECONDS)

    def _stop(self) -> None:
        left = self._call(_other_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        assert left == [], "the client left tasks behind"


async def _next_or_none(loop: Any) -> Event | None:
    return await anext(loop, None)


async def _value_of(opening: Awaitable[T]) -> T:
    return await opening


async def _other_tasks() -> list[str]:
    """Return the tasks of this loop but for this one, and for other callers' that are waiting."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    return [task.get_name() for task in tasks if task.get_name().startswith("threadrunner")]


AnyClient = Client | LoopClient
AnySubscription = Subscription | LoopSubscription
AnyCreatedRun = CreatedRun | LoopCreatedRun

FRONTS: dict[str, type[AnyClient]] = {"threads": Client, "asyncio": LoopClient}
_chosen: list[type[AnyClient]] = []


def choose(front: str | None) -> None:
    """Say which front `make_client` makes from now on; None forgets it."""
    _chosen[:] = [] if front is None else [FRONTS[front]]


def make_client(*arguments: Any, **options: Any) -> AnyClient:
    """Return a client with the front that the test runs with; the fixture `front` chooses it."""
    return _chosen[0](*arguments, **options)


def state_of(client: AnyClient) -> dict[str, Any]:
    """Return what a client holds."""
    return vars(client.inner if isinstance(client, LoopClient) else client)
