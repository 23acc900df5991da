"""Turns the chunks of one model turn into OpenAI's stream events and the records behind them.

No I/O: chunks go in, and `take` gives what happened since the last time. Deltas that fall into the
same take are joined, so a slow writer sends fewer and larger ones and never loses a character; one
that was cut in two waits for its other half.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from core.call_assembler import CallAssembler, CallDelta, ModelCall
from core.event_log import Event
from core.message_parts import MessageParts
from core.model import ModelChunk
from core.records import LateMessage, RunRecord
from core.schema.messages import Message, MessageIncompleteDetails
from core.schema.runs import Usage
from core.schema.steps import (
    CalledFunction,
    MessageCreation,
    MessageCreationDetails,
    RunStep,
    ToolCallsDetails,
    ToolCallType,
    tool_call,
)
from core.surrogates import TextPieces


@dataclass(frozen=True, slots=True)
class Draft:
    """What happened since the last take.

    Attributes:
        events: to be logged, in this order.
        messages, steps: records that were opened or closed; they are stored with the events.
        open_step, open_message: what is open after the events.
    """

    events: tuple[Event, ...]
    messages: tuple[Message, ...]
    steps: tuple[RunStep, ...]
    open_step: str | None
    open_message: str | None


@dataclass(frozen=True, slots=True)
class Turn:
    """A model turn that has ended.

    Attributes:
        late: what was said after the calls; None if that was nothing, or blanks.
    """

    calls: tuple[ModelCall, ...]
    finish_reason: str | None
    usage: Usage | None
    late: LateMessage | None = None


class TurnAssembler:
    """Assembles one model turn.

    Args:
        run: the run that the turn belongs to.
        new_id: makes an id from a prefix.
        now: unix seconds.
        type_of: tells by a tool's name the type under which its calls are shown.
    """

    def __init__(
        self,
        run: RunRecord,
        new_id: Callable[[str], str],
        now: Callable[[], int],
        type_of: Callable[[str], ToolCallType],
    ) -> None:
        self._run = run
        self._new_id = new_id
        self._now = now
        self._type_of = type_of
        self._calls = CallAssembler(lambda: new_id("call"))
        self._message: Message | None = None
        self._step: RunStep | None = None
        self._parts = MessageParts()
        self._late = MessageParts()
        self._blanks = ""
        self._kind = "text"
        self._pieces = TextPieces()
        self._events: list[Event] = []
        self._messages: dict[str, Message] = {}
        self._steps: dict[str, RunStep] = {}
        self._kinds: dict[int, ToolCallType] = {}
        self._joinable: list[str] | None = None
        self._joinable_at: tuple[str, int] | None = None
        self._finish_reason: str | None = None
        self._usage: Usage | None = None
        self._started = False
        self._characters = 0

    @property
    def step(self) -> RunStep | None:
        """The open step, if any."""
        return self._step

    @property
    def message(self) -> Message | None:
        """The open message with its content so far, if any."""
        if self._message is None:
            return None
        return self._message.model_copy(update={"content": self._parts.content()})

    @property
    def usage(self) -> Usage | None:
        """What the model has reported of this turn, if it has."""
        return self._usage

    @property
    def started(self) -> bool:
        """Whether anything of the answer has arrived: then asking again would repeat it."""
        return self._started

    @property
    def characters(self) -> int:
        """How much of the answer has arrived: its text and the arguments of its calls."""
        return self._characters

    def push(self, chunk: ModelChunk) -> None:
        """Take a chunk: text first, then calls, then the rest, whatever it carries together."""
        self._characters += len(chunk.text or "") + len(chunk.refusal or "")
        self._characters += sum(len(fragment.arguments or "") for fragment in chunk.calls)
        if chunk.text or chunk.refusal or chunk.calls:
            self._started = True
        if chunk.text:
            self._say("text", chunk.text)
        if chunk.refusal:
            self._say("refusal", chunk.refusal)
        for fragment in chunk.calls:
            self._announce(self._calls.push(fragment))
        if chunk.finish_reason:
            self._finish_reason = chunk.finish_reason
        if chunk.usage:
            self._usage = chunk.usage

    def finish(self) -> Turn:
        """The model has ended: give what was held back, and the turn as a whole.

        An answer without text and without calls becomes an empty message: the run ends in words,
        be they none.
        """
        self._end_words()
        self._announce(self._calls.finish())
        calls = tuple(self._calls.calls())
        if calls and self._step is not None:
            self._step = self._step.model_copy(update={"step_details": self._call_details()})
        elif not calls and self._message is None:
            self._blanks, blanks = "", self._blanks
            self._open_message()
            self._add("text", blanks)
        return Turn(calls, self._finish_reason, self._usage, self._late_message())

    def cut_short(self) -> Turn:
        """The model is not heard to its end: the turn ends as at its limit of tokens."""
        self._finish_reason = "length"
        return self.finish()

    def close_message(
        self,
        *,
        incomplete: Literal["max_tokens", "content_filter"] | None = None,
        usage: Usage | None = None,
    ) -> None:
        """Complete the open message and its step; the message may have been cut short.

        Args:
            incomplete: why it was cut short, if it was.
            usage: of the turn, if the turn ends with this step: its last step carries it.
        """
        message, step, now = self.message, self._step, self._now()
        if message is None or step is None:
            return
        ending: dict[str, Any] = {}
        if incomplete is None:
            ending |= {"status": "completed", "completed_at": now}
        else:
            details = MessageIncompleteDetails(reason=incomplete)
            ending |= {
                "status": "incomplete",
                "incomplete_at": now,
                "incomplete_details": details,
            }
        message = message.model_copy(update=ending)
        step = step.model_copy(update={"status": "completed", "completed_at": now, "usage": usage})
        self._messages[message.id] = message
        self._steps[step.id] = step
        self._emit(f"thread.message.{message.status}", message.model_dump(mode="json"))
        self._emit("thread.run.step.completed", step.model_dump(mode="json"))
        self._message = self._step = None
        self._parts = MessageParts()

    def take(self) -> Draft:
        """Return what happened since the last take."""
        self._joinable = self._joinable_at = None
        draft = Draft(
            events=tuple(_sealed(event) for event in self._events),
            messages=tuple(self._messages.values()),
            steps=tuple(self._steps.values()),
            open_step=self._step.id if self._step else None,
            open_message=self._message.id if self._message else None,
        )
        self._events = []
        self._messages = {}
        self._steps = {}
        return draft

    def restore(self, draft: Draft) -> None:
        """Take back a draft that could not be written: the next take gives it again."""
        self._events = [*draft.events, *self._events]
        self._messages = {message.id: message for message in draft.messages} | self._messages
        self._steps = {step.id: step for step in draft.steps} | self._steps
        self._joinable = self._joinable_at = None

    # ---- messages ---------------------------------------------------------------------------

    def _say(self, kind: str, piece: str) -> None:
        if kind != self._kind:
            self._end_words()
            self._kind = kind
        said = self._pieces.push(piece)
        if said:
            self._write(kind, said)

    def _end_words(self) -> None:
        """What follows is something else: half a character stays half."""
        half = self._pieces.finish()
        if half:
            self._write(self._kind, half)

    def _write(self, kind: str, piece: str) -> None:
        if self._step is not None and self._message is None:
            # The tool step is open, and clients refuse a second open step.
            self._late.add(kind, piece)
            return
        if self._message is None:
            if kind == "text" and not piece.strip():
                # Many models put line breaks before their calls: alone they are no message.
                self._blanks += piece
                return
            self._open_message()
        self._add(kind, piece)

    def _add(self, kind: str, piece: str) -> None:
        index, first = self._parts.add(kind, piece)
        if self._joinable is not None and self._joinable_at == ("message", index):
            self._joinable.append(piece)
            return
        pieces = [piece]
        self._emit("thread.message.delta", _text_delta(self._message, index, kind, pieces, first))
        self._joinable, self._joinable_at = pieces, ("message", index)

    def _open_message(self) -> None:
        now = self._now()
        message = Message(
            id=self._new_id("msg"),
            created_at=now,
            thread_id=self._run.thread_id,
            status="in_progress",
            role="assistant",
            content=[],
            assistant_id=self._run.config.assistant_id,
            run_id=self._run.id,
        )
        creation = MessageCreation(message_id=message.id)
        self._open_step(MessageCreationDetails(message_creation=creation))
        self._message = message
        self._messages[message.id] = message
        self._emit("thread.message.created", message.model_dump(mode="json"))
        self._emit("thread.message.in_progress", message.model_dump(mode="json"))
        if self._blanks:
            self._add("text", self._blanks)
            self._blanks = ""

    def _late_message(self) -> LateMessage | None:
        if self._late.is_blank:
            return None
        return LateMessage(
            message_id=self._new_id("msg"),
            step_id=self._new_id("step"),
            content=self._late.content(),
        )

    # ---- tool calls -------------------------------------------------------------------------

    def _announce(self, deltas: list[CallDelta]) -> None:
        for delta in deltas:
            if self._step is None or self._message is not None:
                self._end_words()
                self.close_message()
                self._open_step(ToolCallsDetails(tool_calls=[]))
            self._announce_one(delta)

    def _announce_one(self, delta: CallDelta) -> None:
        if delta.name is not None:
            self._kinds[delta.index] = self._type_of(delta.name)
        elif self._joinable is not None and self._joinable_at == ("call", delta.index):
            self._joinable.append(delta.arguments)
            return
        kind = self._kinds[delta.index]
        pieces = [delta.arguments]
        body: dict[str, Any] = {"arguments": pieces}
        call: dict[str, Any] = {"index": delta.index, "type": kind, kind: body}
        if delta.name is not None:
            call["id"] = delta.id
            body |= {"name": delta.name, "output": None}
        details = {"type": "tool_calls", "tool_calls": [call]}
        self._emit("thread.run.step.delta", self._step_delta(details))
        if delta.name is None:
            # Nothing joins the opening: SDKs give handlers only the deltas that come after it.
            self._joinable, self._joinable_at = pieces, ("call", delta.index)

    def _call_details(self) -> ToolCallsDetails:
        return ToolCallsDetails(
            tool_calls=[
                tool_call(self._kinds[index], call.id, _called(call))
                for index, call in enumerate(self._calls.calls())
            ]
        )

    # ---- steps and events -------------------------------------------------------------------

    def _open_step(self, details: MessageCreationDetails | ToolCallsDetails) -> None:
        step = RunStep(
            id=self._new_id("step"),
            created_at=self._now(),
            run_id=self._run.id,
            assistant_id=self._run.config.assistant_id,
            thread_id=self._run.thread_id,
            type=details.type,
            status="in_progress",
            expires_at=self._run.expires_at,
            step_details=details,
        )
        self._step = step
        self._steps[step.id] = step
        self._emit("thread.run.step.created", step.model_dump(mode="json"))
        self._emit("thread.run.step.in_progress", step.model_dump(mode="json"))

    def _step_delta(self, details: dict[str, Any]) -> dict[str, Any]:
        assert self._step is not None
        return {
            "id": self._step.id,
            "object": "thread.run.step.delta",
            "delta": {"step_details": details},
        }

    def _emit(self, name: str, data: dict[str, Any]) -> None:
        self._joinable = self._joinable_at = None
        self._events.append(Event(name, data))


def _called(call: ModelCall) -> CalledFunction:
    return CalledFunction(name=call.name, arguments=call.arguments)


def _text_delta(
    message: Message | None, index: int, kind: str, pieces: list[str], first: bool
) -> dict[str, Any]:
    assert message is not None
    part: dict[str, Any] = {"index": index, "type": kind}
    if kind == "text":
        part["text"] = {"value": pieces} | ({"annotations": []} if first else {})
    else:
        part["refusal"] = pieces
    return {"id": message.id, "object": "thread.message.delta", "delta": {"content": [part]}}


def _sealed(event: Event) -> Event:
    """Join the pieces of a delta into the string that clients get."""
    if event.name == "thread.message.delta":
        (part,) = event.data["delta"]["content"]
        if part["type"] == "text":
            part["text"]["value"] = "".join(part["text"]["value"])
        else:
            part["refusal"] = "".join(part["refusal"])
    elif event.name == "thread.run.step.delta":
        (call,) = event.data["delta"]["step_details"]["tool_calls"]
        body = call[call["type"]]
        body["arguments"] = "".join(body["arguments"])
    return event
