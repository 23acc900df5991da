"""Everything that a client decides, without any I/O: what happens goes in, what to do comes out.

A front (`client.py`, or an asynchronous one) tells a session what happened and when, and carries
out its commands in order. One connection serves all subscriptions. The session keeps it open as
long as there is one, and lets it go when there is none.
"""

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from threadrunner_client.errors import ConnectionLost, ProtocolError, ThreadRunnerError
from threadrunner_client.feed import Feed, Request, Target
from threadrunner_client.messages import (
    Created,
    Creation,
    Pong,
    Refused,
    Subscribed,
    Unknown,
    Unsubscribed,
    parse_message,
    ping,
    unsubscribe,
)
from threadrunner_client.ordering import Event, EventId, Frame
from threadrunner_client.timing import Timing

_LOG = logging.getLogger("threadrunner_client")


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a connection; it takes the place of the one that may still be open."""

    timeout: float


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Drop the connection: it is dead."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message."""

    text: str


@dataclass(frozen=True, slots=True)
class Accept:
    """Tell a subscriber that the server knows of the subscription.

    Attributes:
        key: the subscription.
        made: the run, if it was created for it.
    """

    key: int
    made: Created | None = None


@dataclass(frozen=True, slots=True)
class Deliver:
    """Give events to a subscriber."""

    key: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class End:
    """Tell a subscriber that no further event will come."""

    key: int


@dataclass(frozen=True, slots=True)
class Fail:
    """Tell a subscriber why it gets no further events."""

    key: int
    error: ThreadRunnerError


@dataclass(frozen=True, slots=True)
class Stop:
    """The session is over for all; each subscriber was told by `Fail`."""

    error: ThreadRunnerError


Command = Connect | Disconnect | Send | Accept | Deliver | End | Fail | Stop


@dataclass(slots=True)
class _Leaving:
    """An unsubscription under way.

    The gateway may carry out two messages of a connection in either order, so a new subscription
    to the same target waits for the answer: or the old one's end could take it along.
    """

    until: float
    waiting: list[str] = field(default_factory=list)


class Session:
    """The state of one client. All times are seconds of one steady clock.

    Args:
        timing: how long to wait for what.
        jitter: gives random numbers from 0 up to 1.
    """

    def __init__(self, timing: Timing, jitter: Callable[[], float] = random.random) -> None:
        self._timing = timing
        self._jitter = jitter
        self._feeds: dict[int, Feed] = {}
        self._commands: list[Command] = []
        self._leaving: dict[Target, _Leaving] = {}
        self._wanted = False
        self._open = False
        self._opening = False
        self._stopped = False
        self._attempts = 0
        self._outage_since: float | None = None
        self._retry_at: float | None = None
        self._renew_at: float | None = None
        self._ping_at = 0.0
        # If nothing at all comes until then, although an answer is owed, the connection is dead.
        self._dead_at: float | None = None

    # What comes out.

    def take_commands(self) -> list[Command]:
        """Return what is to be done, once."""
        commands, self._commands = self._commands, []
        return commands

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do; None if only an event from outside can change that."""
        times = [self._retry_at]
        if self._open:
            times += [each.until for each in self._leaving.values()]
            times.append(self._dead_at)
            if self._feeds:
                times += [self._renew_at, self._ping_at]
                times += [feed.deadline for feed in self._feeds.values()]
        return min((time for time in times if time is not None), default=None)

    # What happens: at the caller.

    def start(self, now: float) -> None:
        """Connect, although there is no subscription yet."""
        self._wanted = True
        self._want_connection(now)

    def add(self, key: int, target: Target, after: EventId | None, now: float) -> None:
        """Begin a subscription under a key of its own."""
        self._begin(Feed(key, target, after, self._timing), now)

    def create(self, key: int, creation: Creation, now: float) -> None:
        """Create a run, and begin a subscription to it under a key of its own."""
        self._begin(Feed(key, creation, None, self._timing), now)

    def _begin(self, feed: Feed, now: float) -> None:
        self._feeds[feed.key] = feed
        if self._open:
            self._request(feed.connected(now), now)
        else:
            self._want_connection(now)

    def remove(self, key: int, now: float) -> None:
        """End a subscription, if it is still there."""
        feed = self._feeds.pop(key, None)
        if feed is not None:
            self._leave(feed.targets, now)

    # What happens: to the connection.

    def opened(self, now: float) -> None:
        """A connection stands; whatever was open before it is no longer used."""
        self._open = True
        self._opening = self._wanted = False
        self._renew_at = now + self._timing.connection_age
        self._dead_at = None
        self._ping_at = now + self._timing.ping_interval
        self._leaving.clear()
        if not self._feeds:
            self._outage_since = None
            self._attempts = 0
        for feed in self._feeds.values():
            self._request(feed.connected(now), now)

    def failed(self, reason: str, now: float, *, final: ThreadRunnerError | None = None) -> None:
        """An attempt to connect failed.

        Args:
            reason: why, in a few words without secrets.
            now: the time.
            final: the error to end with, if trying again is of no use.
        """
        self._opening = False
        if final is not None:
            self._stop(final)
        elif self._open:
            self._renew_at = now + self._next_delay()
        elif self._feeds or self._wanted:
            self._retry(reason, now)

    def closed(self, reason: str, now: float) -> None:
        """The connection in use was closed, whoever did it."""
        self._open = False
        self._dead_at = None
        if self._feeds and not self._opening:
            self._retry(reason, now)

    def received(self, text: str | bytes, now: float) -> None:
        """A message came, on the connection in use or on the one before it."""
        self._dead_at = None
        try:
            message = parse_message(text)
        except ProtocolError as error:
            self._stop(error)
            return
        if isinstance(message, Unknown):
            # The gateway speaks for itself when a handler fails; the answer's time limit helps.
            _LOG.warning("The server sent a message that is not part of the protocol.")
            return
        if isinstance(message, Refused) and message.id is None:
            # It could not even read the request, or does not know the connection (any more).
            self._abandon(f"the server refused a request (code {message.code})", now)
            return
        self._outage_since = None
        self._attempts = 0
        match message:
            case Frame():
                self._take(message, now)
            case Subscribed():
                self._answer(message, now)
            case Created():
                self._created(message, now)
            case Refused():
                self._refuse(message, now)
            case Unsubscribed(thread_id=str() as thread_id, run_id=run_id):
                self._left((thread_id, run_id), now)
            case Unsubscribed() | Pong():
                pass

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self._retry_at is not None and self._retry_at <= now:
            self._retry_at = None
            self._connect(now)
        if not self._open:
            return
        if self._dead_at is not None and self._dead_at <= now:
            self._abandon("the server stopped answering", now)
            return
        for target in [each for each, leave in self._leaving.items() if leave.until <= now]:
            self._left(target, now)
        self._tick_feeds(now)

    def _tick_feeds(self, now: float) -> None:
        if not self._feeds:
            return
        if self._renew_at is not None and self._renew_at <= now:
            self._renew_at = None
            self._connect(now)
        for feed in list(self._feeds.values()):
            with self._telling(feed):
                self._request(feed.tick(now), now)
        if self._ping_at <= now:
            self._send(ping(), now)

    # Messages of the server.

    def _take(self, frame: Frame, now: float) -> None:
        for feed in list(self._feeds.values()):
            with self._telling(feed):
                events = feed.take(frame, now)
                if events:
                    self._commands.append(Deliver(feed.key, tuple(events)))

    def _answer(self, reply: Subscribed, now: float) -> None:
        feed = self._feed_of(reply.id)
        if feed is not None:
            with self._telling(feed):
                surplus = feed.answer(reply, now)
                if surplus is not None:
                    self._leave({surplus}, now)

    def _created(self, reply: Created, now: float) -> None:
        feed = self._feed_of(reply.id)
        if feed is None:
            # Whoever asked for it has left: the run goes on, and nobody here follows it.
            self._leave({(reply.thread_id, reply.run_id)}, now)
            return
        with self._telling(feed):
            self._request(feed.created(reply, now), now)

    def _refuse(self, reply: Refused, now: float) -> None:
        feed = self._feed_of(reply.id)
        if feed is not None:
            with self._telling(feed):
                feed.refuse(reply, now)

    def _feed_of(self, request_id: str | None) -> Feed | None:
        """Return the subscription that a request belongs to: its id begins with the key."""
        key = (request_id or "").partition("/")[0]
        return self._feeds.get(int(key)) if key.isdecimal() else None

    @contextmanager
    def _telling(self, feed: Feed) -> Iterator[None]:
        """Tell the subscriber what became of the subscription meanwhile."""
        known = feed.accepted
        failure = None
        try:
            yield
        except ThreadRunnerError as error:
            failure = error
        if feed.accepted and not known:
            self._commands.append(Accept(feed.key, feed.made))
        if failure is not None:
            self._commands.append(Fail(feed.key, failure))
        elif feed.ended:
            self._commands.append(End(feed.key))
        if failure is not None or feed.ended:
            self._feeds.pop(feed.key, None)

    # Messages to the server.

    def _request(self, requests: list[Request], now: float) -> None:
        for request in requests:
            leaving = None if request.target is None else self._leaving.get(request.target)
            if leaving is None:
                self._send(request.text, now)
            else:
                leaving.waiting.append(request.text)

    def _leave(self, targets: set[Target], now: float) -> None:
        """Unsubscribe from what no other subscription needs."""
        needed = {target for feed in self._feeds.values() for target in feed.targets}
        for target in sorted(targets - needed, key=str):
            if target in self._leaving:
                self._leaving[target].waiting.clear()
            elif self._open:
                self._leaving[target] = _Leaving(now + self._timing.reply_timeout)
                self._send(unsubscribe(*target), now)

    def _left(self, target: Target, now: float) -> None:
        leaving = self._leaving.pop(target, None)
        for text in leaving.waiting if leaving is not None else ():
            self._send(text, now)

    def _send(self, text: str, now: float) -> None:
        self._commands.append(Send(text))
        self._ping_at = now + self._timing.ping_interval
        if self._dead_at is None:
            self._dead_at = now + self._timing.reply_timeout

    # The connection.

    def _want_connection(self, now: float) -> None:
        if not (self._opening or self._stopped) and self._retry_at is None:
            self._connect(now)

    def _connect(self, now: float) -> None:
        self._opening = True
        if self._outage_since is None and not self._open:
            self._outage_since = now
        self._commands.append(Connect(self._timing.connect_timeout))

    def _abandon(self, reason: str, now: float) -> None:
        if self._open:
            self._commands.append(Disconnect())
            self.closed(reason, now)

    def _retry(self, reason: str, now: float) -> None:
        if self._outage_since is None:
            self._outage_since = now
        last_moment = self._outage_since + self._timing.give_up_after
        if now >= last_moment:
            self._stop(
                ConnectionLost(
                    f"There was no working connection for {self._timing.give_up_after:g} s; "
                    f"the last attempt ended with: {reason}."
                )
            )
            return
        self._retry_at = min(now + self._next_delay(), last_moment)
        _LOG.info("No connection (%s); next attempt in %.2f s.", reason, self._retry_at - now)

    def _next_delay(self) -> float:
        delay = self._timing.reconnect_delay(self._attempts, self._jitter())
        self._attempts += 1
        return delay

    def _stop(self, error: ThreadRunnerError) -> None:
        self._stopped = True
        self._open = False
        self._retry_at = None
        for key in self._feeds:
            self._commands.append(Fail(key, error))
        self._feeds.clear()
        self._commands.append(Stop(error))
