"""OpenAI's own client library follows a run's events and puts together what the records say."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import AssistantEventHandler, Stream
from openai._models import construct_type
from openai.types.beta import AssistantStreamEvent
from openai.types.beta.threads import Message as SdkMessage
from openai.types.beta.threads import Text
from openai.types.beta.threads.runs import RunStep as SdkRunStep
from openai.types.beta.threads.runs import ToolCall, ToolCallDelta

from core.event_log import Event
from core.model import ModelChunk
from core.records import RunPhase
from core.schema.steps import RunStep, ToolCallsDetails
from tests.unit.core.model_turns import OBJECTS, SaidCalls, said_calls
from tests.unit.core.run_life import RunLife, say

TEXTS = st.lists(st.text(min_size=1, max_size=6), max_size=4)
WRITES = st.lists(st.booleans(), min_size=1, max_size=6)


class Following(AssistantEventHandler):
    """Follows a run as OpenAI's library does, and keeps what its handlers were given.

    Attributes:
        deltas: of each tool call's arguments, what `on_tool_call_delta` was given.
        texts: what `on_text_done` was given.
        whole: each ended message and step, with what its deltas had added up to by then.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        super().__init__()
        self.deltas: dict[str, str] = {}
        self.texts: list[str] = []
        self.whole: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._init(cast("Stream[AssistantStreamEvent]", _Replayed(events)))

    def on_event(self, event: AssistantStreamEvent) -> None:
        if event.event in ("thread.message.completed", "thread.message.incomplete"):
            message = self.current_message_snapshot
            assert message is not None
            assert isinstance(event.data, SdkMessage)
            self.whole.append((_dump(message), _dump(event.data)))
        elif event.event == "thread.run.step.completed":
            step = self.current_run_step_snapshot
            assert step is not None
            assert isinstance(event.data, SdkRunStep)
            self.whole.append((_dump(step), _dump(event.data)))

    def on_text_done(self, text: Text) -> None:
        self.texts.append(text.value)

    def on_tool_call_delta(self, delta: ToolCallDelta, snapshot: ToolCall) -> None:
        if delta.type == "function" and delta.function is not None:
            old = self.deltas.get(snapshot.id, "")
            self.deltas[snapshot.id] = old + (delta.function.arguments or "")


class _Replayed:
    """A stream of events that are there already."""

    def __init__(self, events: Sequence[Event]) -> None:
        self._events = events

    def __iter__(self) -> Iterator[AssistantStreamEvent]:
        for event in self._events:
            value = {"event": event.name, "data": event.data}
            yield cast(
                AssistantStreamEvent,
                construct_type(type_=cast(Any, AssistantStreamEvent), value=value),
            )

    def close(self) -> None:
        """Nothing to close."""


def _dump(shown: SdkMessage | SdkRunStep) -> dict[str, Any]:
    # It knows no actions and would warn of them.
    return shown.to_dict(mode="json", warnings=False)


def content_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in part.items() if key != "index"} for part in message["content"]
    ]


def calls_of(step: dict[str, Any], *, outputs: bool) -> list[dict[str, Any]]:
    """Return a step's calls without what only deltas have; the client's own outputs on request."""
    calls = []
    for call in step["step_details"].get("tool_calls", []):
        kind = call["type"]
        called = dict(call[kind])
        if kind == "function" and not outputs:
            called["output"] = None
        calls.append({"id": call["id"], "type": kind, kind: called})
    return calls


def check_whole(following: Following) -> None:
    """Fail unless each object ended as its deltas had told."""
    for told, shown in following.whole:
        if shown["object"] == "thread.message":
            assert content_of(told) == shown["content"]
        else:
            assert calls_of(told, outputs=False) == calls_of(shown, outputs=False)


def play(life: RunLife, chunks: Sequence[ModelChunk], writes: Sequence[bool]) -> None:
    """Let a model say something, written down after some of its chunks."""
    life.claim()
    for number, chunk in enumerate(chunks):
        life.hear(chunk)
        if writes[number % len(writes)]:
            life.flush()
    life.end_turn("tool_calls")


@settings(max_examples=120)
@given(texts=TEXTS, writes=WRITES, refusal=st.text(max_size=4))
def test_a_message_adds_up_to_its_final_content(
    texts: list[str], writes: list[bool], refusal: str
) -> None:
    life = RunLife()
    play(life, [*say(*texts), ModelChunk(refusal=refusal), *say(*texts)], writes)
    following = Following(life.log)
    assert following.get_final_run().status == "completed"
    (message,) = following.get_final_messages()
    (record,) = life.messages.values()
    assert _dump(message) == record.model_dump(mode="json")
    assert following.whole
    check_whole(following)


# The SDK warns of actions, which it takes for calls of its code interpreter.
@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")
@settings(max_examples=150)
@given(texts=TEXTS, said=said_calls(st.sampled_from("fgab"), OBJECTS), writes=WRITES)
def test_calls_add_up_to_what_the_step_holds_through_all_phases(
    texts: list[str], said: SaidCalls, writes: list[bool]
) -> None:
    life = RunLife()
    play(life, [*say(*texts), *(ModelChunk(calls=(each,)) for each in said.fragments)], writes)
    if life.run.phase is RunPhase.TOOLS:
        for call in reversed(life.waiting_calls):
            life.answer(call.call_id, f"output of {call.call_id}")
    waits = life.run.status == "requires_action"
    if waits:
        check_waiting(life)
        life.submit()
    life.claim()
    life.hear(*say("Done."))
    life.end_turn()

    following = Following(life.log)
    assert following.get_final_run().status == "completed"
    # Blanks alone, before calls, are no message.
    words = "".join(texts)
    assert following.texts == [words] * bool(words.strip()) + ["Done."]
    steps = [_tool_step(life)]
    shown = [
        each for each in following.get_final_run_steps() if each.step_details.type == "tool_calls"
    ]
    for snapshot, record in zip(shown, steps, strict=True):
        wire = record.model_dump(mode="json")
        assert calls_of(_dump(snapshot), outputs=False) == calls_of(wire, outputs=False)
    check_whole(following)


def check_waiting(life: RunLife) -> None:
    """Fail unless a client that stops reading here has the calls that it must answer."""
    following = Following(life.log)
    run = following.get_final_run()
    assert run.status == "requires_action"
    assert run.required_action is not None
    snapshot = following.current_run_step_snapshot
    assert snapshot is not None
    record = _tool_step(life).model_dump(mode="json")
    assert calls_of(_dump(snapshot), outputs=True) == calls_of(record, outputs=True)
    if in_turn(life.log):
        for call in run.required_action.submit_tool_outputs.tool_calls:
            # A handler that collects arguments from the deltas has all of them.
            assert following.deltas[call.id] == call.function.arguments


def in_turn(log: Sequence[Event]) -> bool:
    """Tell whether the calls came one after the other.

    When a model goes back to an earlier call, the library takes it for a new one.
    """
    told = [
        call["index"]
        for event in log
        if event.name == "thread.run.step.delta"
        for call in event.data["delta"]["step_details"]["tool_calls"]
        if "arguments" in call[call["type"]]
    ]
    return told == sorted(told)


def _tool_step(life: RunLife) -> RunStep:
    (step,) = [
        step for step in life.steps.values() if isinstance(step.step_details, ToolCallsDetails)
    ]
    return step
