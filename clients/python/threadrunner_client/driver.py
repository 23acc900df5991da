"""What every front does with a session's decisions, without any I/O of its own.

A front gives it connections to open (`Link`) and a place for each subscriber's events (`Box`), and
calls it from one thread at a time: when a caller asks for something, when a connection reports, and
when `deadline` has come.
"""

from collections.abc import Callable
from typing import Protocol, assert_never

from threadrunner_client.errors import ConnectionLost, ThreadRunnerError
from threadrunner_client.feed import Target
from threadrunner_client.messages import Created, Creation
from threadrunner_client.ordering import EventId
from threadrunner_client.reading import Item, NoMore
from threadrunner_client.reports import Closed, Failed, Opened, Received, Report
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


class Link(Protocol):
    """A connection, or the attempt to open one."""

    def start(self) -> None:
        """Begin; everything further is reported."""

    def send(self, text: str) -> None:
        """Send a message; if the connection is closed, that is reported, not raised."""

    def close(self) -> None:
        """End it."""


class Waiter(Protocol):
    """Somebody who waits for one answer."""

    def settle(self, outcome: Created | ThreadRunnerError | None) -> None:
        """Give the answer; every further one is ignored."""


class Box(Waiter, Protocol):
    """A subscriber: waits until the server knows of the subscription, then for events."""

    def put(self, *items: Item) -> None:
        """Add items; they come out in the same order."""


class Driver:
    """Carries out what a session decides.

    Args:
        session: decides.
        open_link: makes a connection that may take so many seconds to open, not yet begun.
    """

    def __init__(self, session: Session, open_link: Callable[[float], Link]) -> None:
        self._session = session
        self._open_link = open_link
        self._boxes: dict[int, Box] = {}
        self._keys = 0
        self._link: Link | None = None
        self._attempt: Link | None = None
        self._opening: Waiter | None = None
        self._failure: ThreadRunnerError | None = None

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        return None if self._failure is not None else self._session.deadline

    # What callers want.

    def start(self, opening: Waiter, now: float) -> None:
        """Connect; `opening` is told when the first connection stands, or that none will."""
        self._opening = opening
        self._session.start(now)
        self._obey()

    def subscribe(self, box: Box, target: Target, after: EventId | None, now: float) -> None:
        """Begin a subscription."""
        if (key := self._enter(box)) is not None:
            self._session.add(key, target, after, now)
            self._obey()

    def create(self, box: Box, creation: Creation, now: float) -> None:
        """Create a run, and begin a subscription to it."""
        if (key := self._enter(box)) is not None:
            self._session.create(key, creation, now)
            self._obey()

    def remove(self, box: Box, now: float) -> None:
        """End a subscription, if it is still there."""
        for key in [key for key, each in self._boxes.items() if each is box]:
            self._session.remove(key, now)
            self._dismiss(key, NoMore())
        self._obey()

    def _enter(self, box: Box) -> int | None:
        if self._failure is not None:
            box.put(self._failure)
            box.settle(self._failure)
            return None
        self._keys += 1
        self._boxes[self._keys] = box
        return self._keys

    # What happens.

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self._failure is None:
            self._session.tick(now)
            self._obey()

    def report(self, link: Link, report: Report, now: float) -> None:
        """Take what happens to a connection."""
        if self._failure is not None:
            return
        match report:
            case Received(text=text):
                # Also from the connection before the one in use: frames may come in any order.
                self._session.received(text, now)
            case Opened() if link is self._attempt:
                self._take_over(link, now)
            case Failed(reason=reason, final=final) if link is self._attempt:
                self._attempt = None
                self._session.failed(reason, now, final=final)
            case Closed(reason=reason) if link is self._link:
                self._link = None
                self._session.closed(reason, now)
            case Opened() | Failed() | Closed():
                pass
            case _:
                assert_never(report)
        self._obey()

    def _take_over(self, link: Link, now: float) -> None:
        before, self._link, self._attempt = self._link, link, None
        self._session.opened(now)
        self._obey()
        if self._opening is not None:
            self._opening.settle(None)
        if before is not None:
            before.close()

    # The end.

    def finish(self) -> None:
        """End all subscriptions, and the connection: the client is closed."""
        self._end(ConnectionLost("The client is closed."), NoMore())

    def fail(self, error: ThreadRunnerError) -> None:
        """End everything with an error."""
        self._end(error, error)

    def _end(self, failure: ThreadRunnerError, last_word: Item) -> None:
        self._failure = self._failure or failure
        for key in list(self._boxes):
            self._dismiss(key, last_word)
        if self._opening is not None:
            self._opening.settle(self._failure)
        for link in (self._link, self._attempt):
            if link is not None:
                link.close()
        self._link = self._attempt = None

    def _dismiss(self, key: int, last_word: Item) -> None:
        box = self._boxes.pop(key, None)
        if box is not None:
            box.put(last_word)
            error = last_word if isinstance(last_word, ThreadRunnerError) else None
            box.settle(error or ConnectionLost("The client is closed."))

    # What the session decides.

    def _obey(self) -> None:
        # Carrying out a command may lead to further ones.
        while commands := self._session.take_commands():
            for command in commands:
                self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        match command:
            case Connect(timeout=timeout):
                self._attempt = self._open_link(timeout)
                self._attempt.start()
            case Disconnect():
                if self._link is not None:
                    self._link.close()
                self._link = None
            case Send(text=text):
                if self._link is not None:
                    self._link.send(text)
            case Stop(error=error):
                self.fail(error)
            case Accept() | Deliver() | End() | Fail():
                self._tell(command)
            case _:
                assert_never(command)

    def _tell(self, command: Accept | Deliver | End | Fail) -> None:
        match command:
            case Accept(key=key, made=made):
                if key in self._boxes:
                    self._boxes[key].settle(made)
            case Deliver(key=key, events=events):
                if key in self._boxes:
                    self._boxes[key].put(*events)
            case End(key=key):
                self._dismiss(key, NoMore())
            case Fail(key=key, error=error):
                self._dismiss(key, error)
            case _:
                assert_never(command)
