"""Plays SQS, the state machine and the clock for a world, until nothing is left to happen.

Everything is as AWS has it: a message is in flight while it is handled and comes back if it is not
deleted, too many deliveries make it a dead letter, a worker that dies has its call settled.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from core.dispatch import StartTools
from core.jobs import CallRef, CheckJob, SettleTask, StepJob, TimerJob, ToolPhase, ToolTask
from runner import dead_letters, timers
from runner.handler import handle_record
from tests.support.outside import Outside
from tests.support.world import Killed, Lambda, RecordedMachine, RecordedQueues, World
from tool_worker.handler import carry_out, settle

T = TypeVar("T")
# As template.yaml has it.
VISIBILITY_SECONDS: Final = {"steps": 960, "timers": 180, "dead_letters": 180}
MAX_RECEIVES: Final = {"steps": 8, "timers": 100, "dead_letters": 100}
# As infra/tools.asl.json has it.
SETTLE_PAUSES: Final = (1, 2, 4)
RESUME_PAUSES: Final = (1, 2, 4, 8, 16)
_MOST_EVENTS: Final = 120


@dataclass(order=True, slots=True)
class Event:
    """Something that will happen, unless it is called off."""

    due_ms: int
    order: int
    happen: Callable[[], object] = field(compare=False)
    off: bool = field(default=False, compare=False)


@dataclass(slots=True)
class Message:
    """A message in a queue."""

    queue: str
    body: str
    sent_ms: int
    id: str
    receives: int = 0
    returns: Event | None = None


class Deliveries:
    """Delivers what a world's processes send.

    Attributes:
        after: is called when something has happened that changed anything.
        copies: how often each message is delivered although all goes well.

    Args:
        world: whose processes these are.
        outside: their calls pass through it.
    """

    def __init__(self, world: World, outside: Outside) -> None:
        self._world = world
        self._outside = outside
        self.reset()

    def reset(self) -> None:
        """Forget what was to happen."""
        self._events: list[Event] = []
        self._messages: dict[str, Message] = {}
        self._made = 0
        self.after: Callable[[], None] = lambda: None
        self.copies = 1
        self.lose(0)

    def lose(self, count: int) -> None:
        """Lose the next messages for steps and executions, so many of each."""
        self._losses = {"steps": count, "machine": count}

    def later(self, seconds: float, happen: Callable[[], object]) -> Event:
        """Have something happen after a while."""
        self._made += 1
        event = Event(self._world.clock() + int(seconds * 1000), self._made, happen)
        heapq.heappush(self._events, event)
        return event

    def play(self, until_ms: float = float("inf")) -> None:
        """Let things happen in their order until nothing is left, or until a time.

        Raises:
            AssertionError: it does not end.
        """
        clock = self._world.clock
        for _ in range(_MOST_EVENTS):
            while self._events and self._events[0].off:
                heapq.heappop(self._events)
            if not self._events or self._events[0].due_ms > until_ms:
                return
            event = heapq.heappop(self._events)
            clock.now_ms = max(clock.now_ms, event.due_ms)
            changes = len(self._outside.changed)
            event.happen()
            if len(self._outside.changed) != changes:
                self.after()
        raise AssertionError("it does not come to an end")

    def run(self, kind: str, work: Callable[[], T]) -> T | None:
        """Carry out work in a process of its own; None if it dies or fails."""
        with self._outside.process(kind):
            try:
                return work()
            except (Killed, Exception):
                return None

    def _is_lost(self, place: str) -> bool:
        lost = self._losses.get(place, 0) > 0
        if lost:
            self._losses[place] -= 1
        return lost

    # ---- queues ---------------------------------------------------------------------------------

    def send(self, queue: str, body: str, delay_seconds: float = 0) -> None:
        """Put a message into a queue."""
        if self._is_lost(queue):
            return
        for _ in range(self.copies if queue != "dead_letters" else 1):
            message = Message(queue, body, self._world.clock(), f"m{len(self._messages)}")
            self._messages[message.id] = message
            self.later(delay_seconds, lambda sent=message: self._receive(sent))  # type: ignore[misc]

    def show_again(self, message_id: str, delay_seconds: int) -> None:
        """Set when a message that is in flight is delivered again."""
        message = self._messages[message_id]
        if message.returns is not None:
            message.returns.off = True
        message.returns = self.later(delay_seconds, lambda: self._receive(message))

    def _receive(self, message: Message) -> None:
        message.receives += 1
        if message.receives > MAX_RECEIVES[message.queue]:
            if message.queue == "steps":
                self.send("dead_letters", message.body)
            return
        self.show_again(message.id, VISIBILITY_SECONDS[message.queue])
        record = {
            "messageId": message.id,
            "receiptHandle": message.id,
            "body": message.body,
            "attributes": {
                "ApproximateReceiveCount": str(message.receives),
                "SentTimestamp": str(message.sent_ms),
            },
        }
        done = self._consume(message.queue, record)
        if done and message.returns is not None:
            message.returns.off = True

    def _consume(self, queue: str, record: dict[str, Any]) -> bool | None:
        world = self._world
        if queue == "steps":
            lambda_context: Any = Lambda(900)
            return self.run("runner", lambda: handle_record(world.runner, record, lambda_context))
        if queue == "timers":
            ends = float("inf")
            return self.run("timers", lambda: timers.handle_record(world.timers, record, ends))
        return self.run("dead letters", lambda: dead_letters.handle_record(world.timers, record))

    # ---- the state machine ----------------------------------------------------------------------

    def execute(self, phase: ToolPhase) -> None:
        """Begin an execution of the state machine."""
        if self._is_lost("machine"):
            return
        open_calls = {call.call_id for call in phase.calls}

        def done(call_id: str) -> None:
            open_calls.discard(call_id)
            if not open_calls:
                self.later(0, lambda: self._resume(phase, RESUME_PAUSES))

        if not phase.calls:
            self.later(0, lambda: self._resume(phase, RESUME_PAUSES))
        for call in phase.calls:
            self.later(0, lambda ref=call: self._call(phase, ref, done))  # type: ignore[misc]

    def _call(self, phase: ToolPhase, ref: CallRef, done: Callable[[str], None]) -> None:
        def time_out() -> None:
            waited[0] = False
            self._settle(phase, ref, done, SETTLE_PAUSES)

        # The machine waits this long for the worker, who does not know of it.
        timeout, waited = self.later(ref.timeout_seconds, time_out), [True]
        task = ToolTask(kind="call", call_id=ref.call_id, **_names(phase))
        tools = self._world.tools
        assert tools is not None
        outcome = self.run("worker", lambda: carry_out(self._world.worker, tools, task))
        timeout.off = True
        if not waited[0]:
            return
        if outcome is None:
            self._settle(phase, ref, done, SETTLE_PAUSES)
        else:
            done(ref.call_id)

    def _settle(
        self, phase: ToolPhase, ref: CallRef, done: Callable[[str], None], pauses: tuple[int, ...]
    ) -> None:
        task = SettleTask(kind="settle", call_id=ref.call_id, **_names(phase))
        outcome = self.run("worker", lambda: settle(self._world.worker, task))
        if outcome is None and pauses:
            pause, *rest = pauses
            self.later(pause, lambda: self._settle(phase, ref, done, tuple(rest)))
        else:
            done(ref.call_id)

    def _resume(self, phase: ToolPhase, pauses: tuple[int, ...]) -> None:
        def send() -> bool:
            self._outside.call("sqs", "SendMessage", lambda: self.send("steps", phase.next_step))
            return True

        if self.run("machine", send) is None and pauses:
            pause, *rest = pauses
            self.later(pause, lambda: self._resume(phase, tuple(rest)))


class DeliveredQueues(RecordedQueues):
    """Queues whose messages come."""

    def __init__(self, deliveries: Deliveries, outside: Outside) -> None:
        super().__init__()
        self._deliveries = deliveries
        self._outside = outside

    def send_step(self, job: StepJob, delay_seconds: int = 0) -> None:
        self._send("steps", job, delay_seconds)

    def send_check(self, job: CheckJob, delay_seconds: int) -> None:
        self._send("timers", job, delay_seconds)

    def send_timer(self, job: TimerJob, delay_seconds: int) -> None:
        self._send("timers", job, delay_seconds)

    def return_step(self, receipt_handle: str, delay_seconds: int) -> None:
        self._outside.call(
            "sqs",
            "ChangeMessageVisibility",
            lambda: self._deliveries.show_again(receipt_handle, delay_seconds),
        )

    def _send(self, queue: str, job: StepJob | TimerJob, delay_seconds: int) -> None:
        body = job.model_dump_json()
        self._outside.call(
            "sqs", "SendMessage", lambda: self._deliveries.send(queue, body, delay_seconds)
        )


class DeliveredMachine(RecordedMachine):
    """A state machine that is executed."""

    def __init__(self, deliveries: Deliveries, outside: Outside) -> None:
        super().__init__()
        self._deliveries = deliveries
        self._outside = outside

    def start(self, tools: StartTools) -> None:
        self._outside.call(
            "states", "StartExecution", lambda: self._deliveries.execute(tools.phase)
        )


def _names(phase: ToolPhase) -> dict[str, Any]:
    return {name: getattr(phase, name) for name in ("tenant", "thread_id", "run_id", "step_id")}
