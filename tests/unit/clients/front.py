"""A front for sessions without threads or sockets; its clock moves only when a test moves it."""

import json
from typing import Any

from threadrunner_client.errors import ThreadRunnerError
from threadrunner_client.messages import Created, Creation
from threadrunner_client.ordering import EventId
from threadrunner_client.session import (
    Accept,
    Connect,
    Deliver,
    Disconnect,
    End,
    Fail,
    Send,
    Session,
    Stop,
)
from threadrunner_client.timing import Timing

THREAD = "thread_1"
RUN = "run_1"


class Front:
    """Carries out a session's commands by writing them down.

    Attributes:
        sent: messages since the last `take_sent`, each with the time at which it was sent.
        connects: the times of attempts to connect.
        events: ids of the events that each subscription got.
    """

    def __init__(self, timing: Timing | None = None, jitter: float = 1.0) -> None:
        self.now = 0.0
        self.timing = timing or Timing()
        self.session = Session(self.timing, jitter=lambda: jitter)
        self.sent: list[tuple[float, dict[str, Any]]] = []
        self.connects: list[float] = []
        self.disconnects: list[float] = []
        self.events: dict[int, list[str]] = {}
        self.accepted: list[int] = []
        self.made: dict[int, Created | None] = {}
        self.ended: list[int] = []
        self.failures: dict[int, ThreadRunnerError] = {}
        self.stopped: ThreadRunnerError | None = None

    def obey(self) -> None:
        for command in self.session.take_commands():
            match command:
                case Connect():
                    self.connects.append(self.now)
                case Disconnect():
                    self.disconnects.append(self.now)
                case Send(text=text):
                    self.sent.append((self.now, json.loads(text)))
                case Accept(key=key, made=made):
                    self.accepted.append(key)
                    self.made[key] = made
                case Deliver(key=key, events=events):
                    self.events.setdefault(key, []).extend(event.id for event in events)
                case End(key=key):
                    self.ended.append(key)
                case Fail(key=key, error=error):
                    self.failures[key] = error
                case Stop(error=error):
                    self.stopped = error

    def take_sent(self) -> list[dict[str, Any]]:
        sent, self.sent = self.sent, []
        return [message for _, message in sent]

    # What happens.

    def open(self) -> "Front":
        self.session.opened(self.now)
        self.obey()
        return self

    def close(self, reason: str = "it was cut") -> None:
        self.session.closed(reason, self.now)
        self.obey()

    def fail(self, reason: str = "refused", final: ThreadRunnerError | None = None) -> None:
        self.session.failed(reason, self.now, final=final)
        self.obey()

    def add(
        self, key: int = 1, *, run: str | None = RUN, thread: str = THREAD, after: str | None = None
    ) -> None:
        position = None if after is None else EventId.parse(after)
        self.session.add(key, (thread, run), position, self.now)
        self.obey()

    def create(self, key: int = 1, *, thread: str | None = THREAD) -> None:
        self.session.create(key, Creation(thread, {"assistant_id": "asst_1"}, "once"), self.now)
        self.obey()

    def remove(self, key: int = 1) -> None:
        self.session.remove(key, self.now)
        self.obey()

    def receive(self, message: dict[str, Any] | str) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        self.session.received(text, self.now)
        self.obey()

    def answer(
        self,
        request_id: str = "1",
        *,
        last: str | None = None,
        status: str | None = "in_progress",
    ) -> None:
        self.receive({"type": "subscribed", "id": request_id, "last": last, "status": status})

    def created(self, request_id: str = "1", *, last: str | None = None, run: str = RUN) -> None:
        message = {"type": "run.created", "id": request_id, "thread_id": THREAD, "run_id": run}
        self.receive({**message, "run": {"id": run}, "last": last})

    def frame(
        self, after: str | None, *ids: str, run: str = RUN, thread: str = THREAD, name: str = "x"
    ) -> None:
        """Receive events; `name` is that of the last of them."""
        names = ["thread.message.delta"] * (len(ids) - 1) + [name]
        events = [
            {"id": each, "event": its_name, "data": {}}
            for each, its_name in zip(ids, names, strict=True)
        ]
        self.receive({"run_id": run, "thread_id": thread, "after": after, "events": events})

    def wait(self, seconds: float) -> None:
        """Let time pass, and the session act at its own deadlines."""
        until = self.now + seconds
        acts = 0
        while (deadline := self.session.deadline) is not None and deadline <= until:
            acts = 0 if deadline > self.now else acts + 1
            assert acts < 20, "the session keeps a deadline that it does not deal with"
            self.now = max(self.now, deadline)
            self.session.tick(self.now)
            self.obey()
        self.now = until

    def wait_for_deadline(self) -> None:
        """Let time pass up to the session's next deadline, if it has one."""
        deadline = self.session.deadline
        self.wait(0 if deadline is None else deadline - self.now)

    def wait_until_sent(self) -> dict[str, Any]:
        """Let time pass until a message is sent, but no connection be lost; return it."""
        while not self.sent:
            assert self.session.deadline is not None
            assert not self.disconnects
            self.wait_for_deadline()
        [message] = self.take_sent()
        return message
