"""One subscription of a caller as a state machine: when to ask the server for what, without I/O.

The only remedy for anything that goes wrong is the same: subscribe again after the last event that
came out. The server then pushes what its log holds beyond it. So each line to the server has one
timer, and what differs is when it is due:

    asked, no answer yet ........ the reply's time limit
    something is missing ........ soon, then ever later as long as asking does not help
    all is well ................. after a long silence
    the run has ended ........... never

A run that is created over the socket begins with a line that asks for its creation, and asks again,
with the same idempotency key, until there is an answer; then its events take over.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from threadrunner_client.errors import (
    ConnectionLost,
    EventsExpired,
    RunCreationError,
    SubscriptionError,
    ThreadRunnerError,
)
from threadrunner_client.messages import (
    Created,
    Creation,
    Refused,
    Subscribed,
    create,
    subscribe,
)
from threadrunner_client.ordering import Event, EventId, EventOrder, Frame
from threadrunner_client.timing import Timing

# The events that end a run's log, by the status that the run then has.
_END_EVENTS = {
    status: f"thread.run.{status}"
    for status in ("completed", "failed", "cancelled", "expired", "incomplete")
}
RUN_ENDS = frozenset(_END_EVENTS.values())
RUN_PAUSES = frozenset({"thread.run.requires_action"})

# So many answers without anything new show that a run which has ended has no further event …
_ANSWERS_TO_END = 4
# … and so many, that what the server says it pushed will never come.
_ANSWERS_TO_FAIL = 6

Target = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Request:
    """A message that asks the server to push something.

    Attributes:
        target: thread and run; without a run, the whole thread. None for a run that does not exist.
        text: the message.
    """

    target: Target | None
    text: str


class _Line(ABC):
    """What the server was asked for, and when it is to be asked again."""

    def __init__(self, request_id: str, target: Target | None, timing: Timing) -> None:
        self.request_id = request_id
        self.target = target
        self.due: float | None = None
        self.registered = False
        self._timing = timing
        self._unanswered_since: float | None = None
        self._tries = 0

    @property
    def answered(self) -> bool:
        return self._unanswered_since is None

    def ask(self, now: float) -> Request:
        self.registered = True
        self._tries += 1
        self.due = now + self._timing.reply_timeout
        if self._unanswered_since is None:
            self._unanswered_since = now
        return Request(self.target, self.text())

    @abstractmethod
    def text(self) -> str:
        """Return the message that asks."""

    def refused(self, reply: Refused) -> ThreadRunnerError:
        """Return what a final refusal means."""
        return SubscriptionError(reply.code, reply.message)

    def reconnected(self) -> None:
        # The time without a connection is not the answer's delay.
        self._unanswered_since = None

    def answer(self, reply: Subscribed, now: float) -> None:
        self._unanswered_since = None
        self._tries = 0
        self.due = now + self._timing.refresh_interval

    def postpone(self, now: float) -> None:
        """Ask again after a refusal that may pass."""
        self.due = now + self._timing.ask_delay(self._tries)

    def heard(self, now: float) -> None:
        """An event came, so the silence starts anew."""
        if self.answered:
            self.due = now + self._timing.refresh_interval

    def check_answer(self, now: float) -> None:
        """Raise ConnectionLost if the server has owed an answer for too long."""
        limit = self._timing.give_up_after
        if self._unanswered_since is not None and now - self._unanswered_since >= limit:
            raise ConnectionLost(f"The server did not answer a request for {limit:g} s.")


class _CreationLine(_Line):
    """The creation of a run."""

    def __init__(self, request_id: str, creation: Creation, timing: Timing) -> None:
        super().__init__(request_id, None, timing)
        self._creation = creation

    @property
    def asked_again(self) -> bool:
        return self._tries > 1

    def text(self) -> str:
        return create(self._creation, request_id=self.request_id)

    def refused(self, reply: Refused) -> ThreadRunnerError:
        return RunCreationError(reply.code, reply.param, reply.message)


class _ThreadLine(_Line):
    """The events of a thread's runs, from now on."""

    def __init__(self, request_id: str, thread_id: str, timing: Timing) -> None:
        super().__init__(request_id, (thread_id, None), timing)
        self._thread_id = thread_id

    def text(self) -> str:
        return subscribe(self._thread_id, None, after=None, request_id=self.request_id)


class _RunLine(_Line):
    """A run's events: knows their order, and when there will be no more."""

    def __init__(self, request_id: str, thread_id: str, timing: Timing, order: EventOrder) -> None:
        super().__init__(request_id, (thread_id, order.run_id), timing)
        self._thread_id = thread_id
        self.order = order
        self.ended = False
        self._run_has_ended = False
        self._fruitless = 0

    def text(self) -> str:
        order = self.order
        return subscribe(
            self._thread_id, order.run_id, after=order.last, request_id=self.request_id
        )

    def created(self, reply: Created, now: float) -> None:
        """Begin without a request: the server subscribes the connection when it made the run.

        A run has events at once. If none comes, the server made it and did not come so far.
        """
        self.registered = True
        if reply.last is not None:
            self.order.expect(reply.last)
        if self.answered:
            missing = self.order.gap is not None
            self.due = now + (self._timing.ask_delay(0) if missing else self._timing.reply_timeout)

    def take(self, frame: Frame, now: float) -> list[Event]:
        """Return the frame's events that come next, up to the one that ends the run."""
        was_whole = self.order.gap is None
        events = self.order.push(frame)
        if events:
            self._fruitless = self._tries = 0
        for index, event in enumerate(events):
            if event.event in RUN_ENDS:
                self._end()
                return events[: index + 1]
        if self.order.gap is None:
            if not self._run_has_ended:
                self.heard(now)
        elif was_whole and self.answered:
            self.due = now + self._timing.ask_delay(0)
        return events

    def answer(self, reply: Subscribed, now: float) -> None:
        tries = self._tries
        super().answer(reply, now)
        if reply.last is not None:
            self.order.expect(reply.last)
        # A run's status may be read before its last event is written, so the status alone does not
        # end the events; it does when they were asked for in vain, as after the log has expired.
        self._run_has_ended = reply.status in _END_EVENTS
        if self.order.gap is None and not self._run_has_ended:
            return
        self._fruitless += 1
        self._tries = tries
        self.due = now + self._timing.ask_delay(tries)
        last = self.order.last
        if reply.last is not None and (last is None or reply.last > last):
            if self._fruitless >= _ANSWERS_TO_FAIL:
                raise EventsExpired(self.order.run_id, None if last is None else str(last))
        elif self._run_has_ended and self._fruitless >= _ANSWERS_TO_END:
            # The server has pushed all that counts. What is held beyond a gap nevertheless is void:
            # its writer was overtaken.
            self._end()

    def _end(self) -> None:
        self.ended = True
        self.due = None


class Feed:
    """A subscription to a run or to a thread.

    A thread's events are those of its runs, each run's in order. A run that was already under way
    is delivered from its start.

    Args:
        key: names the subscription among those of a client.
        wanted: thread and run; without a run, the whole thread; or a run that is to be created.
        after: the last event of the run that is already known.
        timing: how long to wait for what.

    Attributes:
        accepted: whether the server knows of it.
        made: the run that was created for it.
    """

    def __init__(
        self, key: int, wanted: Target | Creation, after: EventId | None, timing: Timing
    ) -> None:
        self.key = key
        self.accepted = False
        self.made: Created | None = None
        self._timing = timing
        self._thread_id: str | None = None
        self._run_id: str | None = None
        self._runs: dict[str, _RunLine] = {}
        self._thread: _ThreadLine | None = None
        self._creation: _CreationLine | None = None
        if isinstance(wanted, Creation):
            self._creation = _CreationLine(str(key), wanted, timing)
            return
        self._thread_id, self._run_id = wanted
        if self._run_id is None:
            self._thread = _ThreadLine(str(key), self._thread_id, timing)
        else:
            self._add_run(self._thread_id, self._run_id, after)

    def _add_run(self, thread_id: str, run_id: str, after: EventId | None) -> _RunLine:
        request_id = str(self.key) if self._thread is None else f"{self.key}/{run_id}"
        line = _RunLine(request_id, thread_id, self._timing, EventOrder(run_id, after))
        self._runs[run_id] = line
        return line

    def _lines(self) -> list[_Line]:
        whole = [line for line in (self._creation, self._thread) if line is not None]
        return [*whole, *(line for line in self._runs.values() if not line.ended)]

    @property
    def ended(self) -> bool:
        """Whether no further event will come: the run has ended. A thread never does."""
        return self._thread is None and not self._lines()

    @property
    def targets(self) -> set[Target]:
        """What the server was asked to push for this subscription."""
        lines = [line for line in self._lines() if line.registered]
        return {line.target for line in lines if line.target is not None}

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do."""
        return min((line.due for line in self._lines() if line.due is not None), default=None)

    def connected(self, now: float) -> list[Request]:
        """Return the requests that go out on a new connection."""
        for line in self._lines():
            line.reconnected()
        return [line.ask(now) for line in self._lines()]

    def tick(self, now: float) -> list[Request]:
        """Return the requests that are due.

        Raises:
            ConnectionLost: the server has owed an answer for too long.
        """
        requests = []
        # First the runs: while one of them is asked about, the thread is not silent.
        for line in reversed(self._lines()):
            if line.due is not None and line.due <= now:
                line.check_answer(now)
                requests.append(line.ask(now))
                if self._thread is not None:
                    self._thread.heard(now)
        return requests

    def take(self, frame: Frame, now: float) -> list[Event]:
        """Return the events that come next; none if the frame is for another subscription."""
        if frame.thread_id != self._thread_id or self._run_id not in (None, frame.run_id):
            return []
        self.accepted = True
        if self._thread is not None:
            self._thread.heard(now)
        line = self._runs.get(frame.run_id) or self._add_run(frame.thread_id, frame.run_id, None)
        return [] if line.ended else line.take(frame, now)

    def created(self, reply: Created, now: float) -> list[Request]:
        """Take the news that the run was created; return the requests that follow from it."""
        repeated = self._creation is None or self._creation.asked_again
        if self._creation is not None:
            self._creation = None
            self._thread_id, self._run_id = reply.thread_id, reply.run_id
            self._add_run(reply.thread_id, reply.run_id, None)
            self.accepted, self.made = True, reply
        line = self._runs.get(reply.run_id)
        if line is None or line.ended:
            return []
        line.created(reply, now)
        # Of several requests, the one that was answered may have come over a connection before.
        return [line.ask(now)] if repeated else []

    def answer(self, reply: Subscribed, now: float) -> Target | None:
        """Take the server's confirmation.

        Returns:
            What need not be pushed any more: a run of this thread was asked for only to fill a gap,
            and its further events come with those of the thread.

        Raises:
            EventsExpired: the server no longer has what is missing.
        """
        line = self._line_of(reply.id)
        if line is None:
            return None
        self.accepted = True
        line.answer(reply, now)
        if self._thread is None or line is self._thread:
            return None
        line.registered = False
        return line.target

    def refuse(self, reply: Refused, now: float) -> None:
        """Take the server's refusal.

        Raises:
            SubscriptionError: it is final.
            RunCreationError: it is final, and was for the run's creation.
        """
        line = self._line_of(reply.id)
        if line is None:
            return
        if not reply.passing:
            raise line.refused(reply)
        line.postpone(now)

    def _line_of(self, request_id: str | None) -> _Line | None:
        return next((line for line in self._lines() if line.request_id == request_id), None)
