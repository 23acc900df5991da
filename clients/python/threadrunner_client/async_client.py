"""The client for asyncio: everything happens in one event loop, and the driver is called there."""

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from threadrunner_client.arguments import check_creation, check_target, check_until
from threadrunner_client.async_connection import AsyncConnection
from threadrunner_client.async_subscription import (
    AsyncCreatedRun,
    AsyncMailbox,
    AsyncSubscription,
    Opening,
)
from threadrunner_client.driver import Driver
from threadrunner_client.entrance import AsyncTickets, Entrance
from threadrunner_client.errors import ConnectionLost
from threadrunner_client.feed import Target
from threadrunner_client.key import ApiKey
from threadrunner_client.messages import Created
from threadrunner_client.reading import Reading, Until
from threadrunner_client.references import EventFetcher
from threadrunner_client.reports import Report
from threadrunner_client.session import Session
from threadrunner_client.timing import Timing

_S = TypeVar("_S", bound=AsyncSubscription)


class AsyncClient:
    """A connection to a ThreadRunner server, shared by any number of subscriptions and tasks.

    It behaves as `Client` does. It belongs to the event loop in which it is entered; of another
    thread nothing of it may be called.

    Args:
        websocket_url: such as "wss://abc.execute-api.eu-west-1.amazonaws.com/live".
        api_key: a ThreadRunner API key. Not needed with a ticket, but for events that are too large
            for a frame.
        ticket: a ticket of `POST /v1/realtime/tickets`, with which one connection can be opened
            within a minute; or a function, asynchronous or not, that gets a fresh one for each
            connection. One that is not is called in a thread. It has `timing.connect_timeout` to
            answer; what it raises is tried again, but for this package's own errors. The key is
            then not sent.
        base_url: the HTTP API's, as the OpenAI SDK takes it; needed only for events that are too
            large for a frame (about 120 KB).
        timing: how long to wait for what.

    Raises:
        ValueError: a URL or the key cannot be used, or there is neither a key nor a ticket.
    """

    def __init__(
        self,
        websocket_url: str,
        api_key: str | None = None,
        *,
        ticket: str | AsyncTickets | None = None,
        base_url: str | None = None,
        timing: Timing | None = None,
    ) -> None:
        key = None if api_key is None else ApiKey(api_key)
        self._entrance = Entrance(websocket_url, key, ticket)
        self._timing = timing or Timing()
        self._fetcher = EventFetcher(base_url, key, self._timing)
        self._driver = Driver(Session(self._timing), self._make_connection)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._connections: list[AsyncConnection] = []

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            AuthenticationError: the server does not accept the key or the ticket.
            ConnectionLost: there was no connection within `timing.give_up_after`.
            RuntimeError: it was entered before.
        """
        if self._loop is not None:
            raise RuntimeError("A client can be entered once.")
        self._loop = asyncio.get_running_loop()
        opening = AsyncMailbox()
        try:
            self._act(lambda now: self._driver.start(opening, now))
            await opening.wait_until_settled()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection and end all subscriptions."""
        self._closed = True
        self._driver.finish()
        if self._timer is not None:
            self._timer.cancel()
        for connection in list(self._connections):
            await connection.wait_closed()

    def subscribe(
        self,
        *,
        thread_id: str,
        run_id: str | None = None,
        after: str | None = None,
        until: Until | None = None,
        timeout: float | None = None,
    ) -> Opening[AsyncSubscription]:
        """Subscribe to a run, or to all runs of a thread from now on.

        What is returned is to be entered with `async with`, which ends the subscription again, or
        awaited. Either takes until the server knows of the subscription, so that nothing which
        happens afterwards is missed. Of a run, everything is delivered that its log still holds.

        Args:
            thread_id: the thread.
            run_id: the run; without it the whole thread.
            after: the id of the last event that is already known, to go on behind it.
            until: where a loop over the events ends: at "pause", when a run ends or waits for tool
                outputs (the default for a run); at "end", when a run ends; or only when the
                subscription is "closed" (the default for a thread).
            timeout: seconds without an event after which a loop raises StreamTimeout.

        Raises:
            ValueError: an argument makes no sense.
            ThreadRunnerError: (when awaited) as iteration over the events raises it.
        """
        target, position = check_target(thread_id, run_id, after)
        stop = check_until(until, "closed" if run_id is None else "pause")

        async def begin() -> AsyncSubscription:
            mailbox = AsyncMailbox()
            await self._settle(
                mailbox, lambda now: self._driver.subscribe(mailbox, target, position, now)
            )
            return self._hand_out(AsyncSubscription, mailbox, Reading(stop), target, timeout)

        return Opening(begin)

    def create_run(
        self,
        *,
        run: Mapping[str, Any],
        thread_id: str | None = None,
        idempotency_key: str | None = None,
        until: Until | None = None,
        timeout: float | None = None,
    ) -> Opening[AsyncCreatedRun]:
        """Create a run over the socket, and subscribe to it.

        What is returned is to be entered with `async with` or awaited, once. Either takes until
        the run is created. If the connection is lost before, the request is repeated on the next
        one with the same idempotency key, so that there is one run however often it is sent.

        Args:
            run: what the HTTP API takes: the body of "create run", or without a thread of "create
                thread and run".
            thread_id: the run's thread; without it one is created.
            idempotency_key: names the request across clients and programs; made up unless given.
            until: as for `subscribe`; "pause" unless given.
            timeout: as for `subscribe`.

        Raises:
            ValueError: an argument makes no sense, or the request is too large for the socket.
            TypeError: `run` has values that JSON does not have.
            RunCreationError: (when awaited) the server refused to create it.
            ThreadRunnerError: (when awaited) as iteration over the events raises it.
        """
        creation = check_creation(thread_id, run, idempotency_key)
        stop = check_until(until, "pause")

        async def begin() -> AsyncCreatedRun:
            mailbox = AsyncMailbox()
            made = cast(
                Created,
                await self._settle(
                    mailbox, lambda now: self._driver.create(mailbox, creation, now)
                ),
            )
            target = (made.thread_id, made.run_id)
            events = self._hand_out(AsyncCreatedRun, mailbox, Reading(stop), target, timeout)
            events.run = made.run
            return events

        return Opening(begin)

    def _hand_out(
        self,
        kind: type[_S],
        mailbox: AsyncMailbox,
        reading: Reading,
        target: Target,
        timeout: float | None,
    ) -> _S:
        return kind(
            mailbox,
            reading,
            target,
            timeout=timeout,
            fetch=self._fetcher.fetch_async,
            on_close=lambda: self._remove(mailbox),
        )

    async def _settle(
        self, mailbox: AsyncMailbox, action: Callable[[float], None]
    ) -> Created | None:
        if self._loop is None or self._closed:
            raise ConnectionLost("The client is not open: use it in an `async with` statement.")
        try:
            self._act(action)
            return await mailbox.wait_until_settled()
        except BaseException:
            self._remove(mailbox)
            raise

    def _remove(self, mailbox: AsyncMailbox) -> None:
        if not self._closed:
            self._act(lambda now: self._driver.remove(mailbox, now))

    def _act(self, action: Callable[[float], None]) -> None:
        """Have the driver do something, and see to it that it is called when its time has come."""
        loop = cast(asyncio.AbstractEventLoop, self._loop)
        try:
            action(loop.time())
        except Exception as error:
            # A subscriber must never wait for a driver that is gone.
            self._driver.fail(ConnectionLost(f"The client failed: {type(error).__name__}."))
            raise
        deadline = None if self._closed else self._driver.deadline
        if self._timer is not None and deadline is not None and self._timer.when() <= deadline:
            # It comes sooner than need be, and is then set anew.
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if deadline is None else loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._act(self._driver.tick)

    def _make_connection(self, timeout: float) -> AsyncConnection:
        connection = AsyncConnection(
            self._entrance,
            self._report,
            open_timeout=timeout,
            keepalive_interval=self._timing.keepalive_interval,
        )
        self._connections = [each for each in self._connections if not each.is_over]
        self._connections.append(connection)
        return connection

    def _report(self, connection: AsyncConnection, report: Report) -> None:
        self._act(lambda now: self._driver.report(connection, report, now))
