"""The client as threads: a thread that carries out what the session decides, and its subscribers.

    caller's threads ── requests ──▶ ┌────────┐ ◀── reports ── a thread per connection
                                     │ inbox  │
    a queue per subscription ◀────── └────────┘ ──▶ the open connection
                                   one thread owns
                                     the driver

Only that one thread touches the driver, so it needs no locks, and several threads may subscribe
and iterate at the same time over one connection.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from threadrunner_client.arguments import check_creation, check_target, check_until
from threadrunner_client.connection import Connection
from threadrunner_client.driver import Driver
from threadrunner_client.entrance import Entrance, Tickets
from threadrunner_client.errors import ConnectionLost
from threadrunner_client.feed import Target
from threadrunner_client.key import ApiKey
from threadrunner_client.messages import Created
from threadrunner_client.reading import Reading, Until
from threadrunner_client.references import EventFetcher
from threadrunner_client.reports import Report
from threadrunner_client.session import Session
from threadrunner_client.subscription import CreatedRun, Mailbox, Subscription
from threadrunner_client.timing import Timing

_S = TypeVar("_S", bound=Subscription)


class Client:
    """A connection to a ThreadRunner server, shared by any number of subscriptions and threads.

    It reconnects and resumes by itself. After it gave up, or after the server refused its key, it
    stays closed: make a new one.

    Args:
        websocket_url: such as "wss://abc.execute-api.eu-west-1.amazonaws.com/live".
        api_key: a ThreadRunner API key. Not needed with a ticket, but for events that are too large
            for a frame.
        ticket: a ticket of `POST /v1/realtime/tickets`, with which one connection can be opened
            within a minute; or a function that gets a fresh one for each connection, called in a
            thread of its own. It should answer within `timing.connect_timeout`; what it raises is
            tried again, but for this package's own errors. The key is then not sent.
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
        ticket: str | Tickets | None = None,
        base_url: str | None = None,
        timing: Timing | None = None,
    ) -> None:
        key = None if api_key is None else ApiKey(api_key)
        self._entrance = Entrance(websocket_url, key, ticket)
        self._timing = timing or Timing()
        self._fetcher = EventFetcher(base_url, key, self._timing)
        self._driver = Driver(Session(self._timing), self._make_connection)
        self._inbox: queue.SimpleQueue[Callable[[float], None]] = queue.SimpleQueue()
        # Whether somebody will read the inbox; changes under the lock.
        self._serving = False
        self._lock = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="threadrunner-client", daemon=True)

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            AuthenticationError: the server does not accept the key or the ticket.
            ConnectionLost: there was no connection within `timing.give_up_after`.
        """
        opening = Mailbox()
        self._inbox.put(lambda now: self._driver.start(opening, now))
        with self._lock:
            self._thread.start()
            self._serving = True
        try:
            opening.wait_until_settled()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and end all subscriptions."""
        with contextlib.suppress(ConnectionLost):
            self._ask(self._finish)
        if self._thread is not threading.current_thread() and self._thread.ident is not None:
            self._thread.join()

    def subscribe(
        self,
        *,
        thread_id: str,
        run_id: str | None = None,
        after: str | None = None,
        until: Until | None = None,
        timeout: float | None = None,
    ) -> Subscription:
        """Subscribe to a run, or to all runs of a thread from now on.

        Returns once the server knows of the subscription, so that nothing which happens afterwards
        is missed. Of a run, everything is delivered that its log still holds.

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
            ThreadRunnerError: as iteration over the events raises it.
        """
        target, position = check_target(thread_id, run_id, after)
        reading = Reading(check_until(until, "closed" if run_id is None else "pause"))
        mailbox = Mailbox()
        self._settle(mailbox, lambda now: self._driver.subscribe(mailbox, target, position, now))
        return self._hand_out(Subscription, mailbox, reading, target, timeout)

    def create_run(
        self,
        *,
        run: Mapping[str, Any],
        thread_id: str | None = None,
        idempotency_key: str | None = None,
        until: Until | None = None,
        timeout: float | None = None,
    ) -> CreatedRun:
        """Create a run over the socket, and subscribe to it.

        Returns once the run is created. If the connection is lost before, the request is repeated
        on the next one with the same idempotency key, so that there is one run however often it is
        sent.

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
            RunCreationError: the server refused to create it.
            ThreadRunnerError: as iteration over the events raises it.
        """
        creation = check_creation(thread_id, run, idempotency_key)
        reading = Reading(check_until(until, "pause"))
        mailbox = Mailbox()
        made = cast(
            Created,
            self._settle(mailbox, lambda now: self._driver.create(mailbox, creation, now)),
        )
        target = (made.thread_id, made.run_id)
        events = self._hand_out(CreatedRun, mailbox, reading, target, timeout)
        events.run = made.run
        return events

    def _hand_out(
        self,
        kind: type[_S],
        mailbox: Mailbox,
        reading: Reading,
        target: Target,
        timeout: float | None,
    ) -> _S:
        return kind(
            mailbox,
            reading,
            target,
            timeout=timeout,
            fetch=self._fetcher.fetch,
            on_close=lambda: self._remove(mailbox),
        )

    def _settle(self, mailbox: Mailbox, action: Callable[[float], None]) -> Created | None:
        self._ask(action)
        try:
            return mailbox.wait_until_settled()
        except BaseException:
            self._remove(mailbox)
            raise

    def _remove(self, mailbox: Mailbox) -> None:
        with contextlib.suppress(ConnectionLost):
            self._ask(lambda now: self._driver.remove(mailbox, now))

    def _ask(self, action: Callable[[float], None]) -> None:
        """Have the client's own thread do something.

        Raises:
            ConnectionLost: it has not begun, or has ended.
        """
        with self._lock:
            if not self._serving:
                raise ConnectionLost("The client is not open: use it in a `with` statement.")
            self._inbox.put(action)

    # What follows runs on the client's own thread, but for `_report`.

    def _serve(self) -> None:
        try:
            while not self._closing:
                with contextlib.suppress(queue.Empty):
                    action = self._inbox.get(timeout=self._time_to_wait())
                    action(time.monotonic())
                self._driver.tick(time.monotonic())
        except Exception as error:
            # A subscriber must never wait for a thread that is gone.
            self._driver.fail(ConnectionLost(f"The client failed: {type(error).__name__}."))
            raise
        finally:
            with self._lock:
                self._serving = False
            self._driver.finish()
            with contextlib.suppress(queue.Empty):
                while True:
                    self._inbox.get_nowait()(time.monotonic())

    def _time_to_wait(self) -> float | None:
        deadline = self._driver.deadline
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    def _finish(self, _now: float) -> None:
        self._closing = True

    def _make_connection(self, timeout: float) -> Connection:
        return Connection(
            self._entrance,
            self._report,
            open_timeout=timeout,
            keepalive_interval=self._timing.keepalive_interval,
        )

    # Reports of connections, on their threads: each is passed on to the client's own.

    def _report(self, connection: Connection, report: Report) -> None:
        self._inbox.put(lambda now: self._driver.report(connection, report, now))
