"""The client as threads: a thread that carries out what the session decides, and its subscribers.

    caller's threads ── requests ──▶ ┌────────┐ ◀── messages ── a thread per connection
                                     │ inbox  │
    a queue per subscription ◀────── └────────┘ ──▶ the open connection
                                   one thread owns
                                     the session

Only that one thread touches the session, so it needs no locks, and several threads may subscribe
and iterate at the same time over one connection.
"""

import functools
import queue
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, assert_never

from threadrunner_client.connection import (
    Closed,
    Connection,
    Failed,
    Opened,
    Received,
    Report,
    check_url,
)
from threadrunner_client.errors import ConnectionLost, ThreadRunnerError
from threadrunner_client.feed import Target
from threadrunner_client.key import ApiKey
from threadrunner_client.ordering import EventId
from threadrunner_client.references import EventFetcher
from threadrunner_client.session import (
    Accept,
    Command,
    Connect,
    Deliver,
    Disconnect,
    End,
    Fail,
    Send,
    Session,
    Stop,
)
from threadrunner_client.subscription import STOPS, Mailbox, NoMore, Subscription, Until
from threadrunner_client.timing import Timing


class Client:
    """A connection to a ThreadRunner server, shared by any number of subscriptions and threads.

    It reconnects and resumes by itself. After it gave up, or after the server refused its key, it
    stays closed: make a new one.

    Args:
        websocket_url: such as "wss://abc.execute-api.eu-west-1.amazonaws.com/live".
        api_key: a ThreadRunner API key.
        base_url: the HTTP API's, as the OpenAI SDK takes it; needed only for events that are too
            large for a frame (about 120 KB).
        timing: how long to wait for what.

    Raises:
        ValueError: a URL or the key cannot be used.
    """

    def __init__(
        self,
        websocket_url: str,
        api_key: str,
        *,
        base_url: str | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._url = check_url(websocket_url)
        self._key = ApiKey(api_key)
        self._timing = timing or Timing()
        self._fetcher = EventFetcher(base_url, self._key, self._timing)
        self._session = Session(self._timing)
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._mailboxes: dict[int, Mailbox] = {}
        self._keys = 0
        self._connection: Connection | None = None
        self._attempt: Connection | None = None
        self._failure: ThreadRunnerError | None = None
        self._finished = False
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name="threadrunner-client", daemon=True)

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            AuthenticationError: the server does not accept the key.
            ConnectionLost: there was no connection within `timing.give_up_after`.
        """
        self._thread.start()
        try:
            self._ready.wait()
            if self._failure is not None:
                raise self._failure
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
        self._inbox.put(self._finish)
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
        if not thread_id or run_id == "":
            raise ValueError("An empty id was given.")
        if after is not None and run_id is None:
            raise ValueError("`after` needs a run_id: ids of events count per run.")
        if until is None:
            until = "closed" if run_id is None else "pause"
        elif until not in STOPS:
            raise ValueError(f"until is {until!r}, which is none of {', '.join(STOPS)}.")
        position = None if after is None else EventId.parse(after)
        key, mailbox = self._begin((thread_id, run_id), position)
        subscription = Subscription(
            mailbox,
            until=until,
            timeout=timeout,
            fetch=self._fetcher.fetch,
            on_close=lambda: self._inbox.put(lambda: self._remove(key)),
        )
        try:
            mailbox.wait_until_settled()
        except BaseException:
            subscription.close()
            raise
        return subscription

    def _begin(self, target: Target, after: EventId | None) -> tuple[int, Mailbox]:
        with self._lock:
            if self._failure is not None:
                raise self._failure
            if self._finished or not self._ready.is_set():
                raise ConnectionLost("The client is not open: use it in a `with` statement.")
            self._keys += 1
            key = self._keys
            mailbox = self._mailboxes[key] = Mailbox()
        self._inbox.put(lambda: self._session.add(key, target, after, time.monotonic()))
        return key, mailbox

    # What follows runs on the client's own thread, but for `_report`.

    def _serve(self) -> None:
        try:
            self._session.start(time.monotonic())
            while not self._finished:
                self._obey()
                try:
                    action = self._inbox.get(timeout=self._time_to_wait())
                except queue.Empty:
                    pass
                else:
                    action()
                self._session.tick(time.monotonic())
        except Exception as error:
            # A subscriber must never wait for a thread that is gone.
            self._stop(ConnectionLost(f"The client failed: {type(error).__name__}."))
            raise
        finally:
            self._finish()
            self._drop_all()

    def _time_to_wait(self) -> float | None:
        deadline = self._session.deadline
        return None if deadline is None else max(0.0, deadline - time.monotonic())

    def _obey(self) -> None:
        # Carrying out a command may lead to further ones.
        while commands := self._session.take_commands():
            for command in commands:
                self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        match command:
            case Connect(timeout=timeout):
                self._connect(timeout)
            case Disconnect():
                self._drop(self._connection)
                self._connection = None
            case Send(text=text):
                if self._connection is not None:
                    self._connection.send(text)
            case Stop(error=error):
                self._stop(error)
            case Accept() | Deliver() | End() | Fail():
                self._tell(command)
            case _:
                assert_never(command)

    def _tell(self, command: Accept | Deliver | End | Fail) -> None:
        match command:
            case Accept(key=key):
                if key in self._mailboxes:
                    self._mailboxes[key].settle()
            case Deliver(key=key, events=events):
                if key in self._mailboxes:
                    self._mailboxes[key].put(*events)
            case End(key=key):
                self._dismiss(key, NoMore())
            case Fail(key=key, error=error):
                self._dismiss(key, error)
            case _:
                assert_never(command)

    def _dismiss(self, key: int, last_word: NoMore | ThreadRunnerError) -> None:
        with self._lock:
            mailbox = self._mailboxes.pop(key, None)
        if mailbox is not None:
            mailbox.put(last_word)
            mailbox.settle(last_word)

    def _remove(self, key: int) -> None:
        self._session.remove(key, time.monotonic())
        self._dismiss(key, NoMore())

    def _connect(self, timeout: float) -> None:
        self._attempt = Connection(
            self._url,
            self._key,
            self._report,
            open_timeout=timeout,
            keepalive_interval=self._timing.keepalive_interval,
        )
        self._attempt.start()

    def _drop(self, connection: Connection | None) -> None:
        if connection is not None:
            connection.close()
            connection.join()

    def _drop_all(self) -> None:
        self._drop(self._connection)
        self._drop(self._attempt)
        self._connection = self._attempt = None

    def _stop(self, error: ThreadRunnerError) -> None:
        with self._lock:
            self._failure = error
            keys = list(self._mailboxes)
        for key in keys:
            self._dismiss(key, error)
        self._ready.set()
        self._drop_all()

    def _finish(self) -> None:
        with self._lock:
            self._finished = True
            keys = list(self._mailboxes)
        for key in keys:
            self._dismiss(key, NoMore())
        self._ready.set()

    # Reports of connections, on their threads: each is passed on to the client's own.

    def _report(self, connection: Connection, report: Report) -> None:
        self._inbox.put(functools.partial(self._take_report, connection, report))

    def _take_report(self, connection: Connection, report: Report) -> None:
        now = time.monotonic()
        match report:
            case Received(text=text):
                # Also from the connection before the one in use: frames may come in any order.
                self._session.received(text, now)
            case Opened() if connection is self._attempt:
                self._take_over(connection, now)
            case Failed(reason=reason, final=final) if connection is self._attempt:
                self._attempt = None
                self._session.failed(reason, now, final=final)
            case Closed(reason=reason) if connection is self._connection:
                self._connection = None
                self._session.closed(reason, now)
            case Opened() | Failed() | Closed():
                pass
            case _:
                assert_never(report)

    def _take_over(self, connection: Connection, now: float) -> None:
        before, self._connection, self._attempt = self._connection, connection, None
        self._session.opened(now)
        self._obey()
        self._ready.set()
        if before is not None:
            before.close()
