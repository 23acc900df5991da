"""One model turn: whatever comes in whatever pieces, what is written adds up to what was said."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Literal, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.call_assembler import ModelCall
from core.model import CallFragment, ModelChunk
from core.records import LateMessage
from core.schema.messages import Message, RefusalContent, TextContent
from core.schema.runs import Usage
from core.schema.steps import (
    CalledFunction,
    RunStep,
    ToolCall,
    ToolCallsDetails,
    ToolCallType,
    tool_call,
)
from core.surrogates import whole_text
from core.turn_assembler import Draft, TurnAssembler
from tests.support.model import USAGE
from tests.support.runs import NOW, RUN, THREAD, CountedIds, run_record
from tests.unit.core.event_reader import EventReader
from tests.unit.core.model_turns import ANY_CHUNK, SaidCalls, cut, said_calls

INTERNAL: dict[str, ToolCallType] = {"g": "action", "look-up": "web_search"}
PIECES = st.lists(
    st.tuples(st.sampled_from(["text", "text", "refusal"]), st.text(min_size=1, max_size=8)),
    max_size=8,
)
# After which chunks something is written, and what becomes of it. A write that fails late does so
# when the next chunk has come.
Write = Literal["works", "fails", "fails late", "none"]
WRITES: st.SearchStrategy[list[Write]] = st.lists(st.sampled_from(get_args(Write)), max_size=24)
FAILING: st.SearchStrategy[list[Write]] = st.lists(
    st.sampled_from(["fails", "fails late"]), max_size=24
)


def new_assembler() -> TurnAssembler:
    return TurnAssembler(run_record(), CountedIds().new, lambda: NOW, type_of)


def type_of(name: str) -> ToolCallType:
    return INTERNAL.get(name, "function")


class Writer:
    """Takes drafts from an assembler and writes them down, or fails to."""

    def __init__(self, assembler: TurnAssembler) -> None:
        self.assembler = assembler
        self.reader = EventReader("in_progress")
        self.messages: dict[str, Message] = {}
        self.steps: dict[str, RunStep] = {}

    def write(self) -> Draft:
        """Write what has come since the last time."""
        draft = self.assembler.take()
        for event in draft.events:
            self.reader.read(event)
        self.messages |= {message.id: message for message in draft.messages}
        self.steps |= {step.id: step for step in draft.steps}
        assert (draft.open_step, draft.open_message) == (
            self.reader.open_step,
            self.reader.open_message,
        )
        for message in draft.messages:
            self.reader.check_record(message)
        for step in draft.steps:
            self.reader.check_record(step)
        return draft

    def play(self, chunks: Sequence[ModelChunk], writes: Sequence[Write]) -> None:
        """Push chunks, and write after them as `writes` says."""
        failing: Draft | None = None
        for chunk, write in zip_longest(chunks, writes[: len(chunks)], fillvalue="none"):
            assert isinstance(chunk, ModelChunk)
            self.assembler.push(chunk)
            if failing is not None:
                self.assembler.restore(failing)
                failing = None
            if write == "works":
                self.write()
            elif write == "fails":
                self.assembler.restore(self.assembler.take())
            elif write == "fails late":
                failing = self.assembler.take()
        if failing is not None:
            self.assembler.restore(failing)


def spoken(pieces: list[tuple[str, str]]) -> list[ModelChunk]:
    return [
        ModelChunk(text=piece) if kind == "text" else ModelChunk(refusal=piece)
        for kind, piece in pieces
    ]


def joined(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return what a message's parts are: neighbours of one kind are one part, and mended."""
    parts: list[tuple[str, str]] = []
    for kind, piece in pieces:
        if parts and parts[-1][0] == kind:
            parts[-1] = (kind, parts[-1][1] + piece)
        else:
            parts.append((kind, piece))
    return [(kind, whole_text(text)) for kind, text in parts]


def before_and_after_calls(
    chunks: Sequence[ModelChunk],
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the pieces that came before a call was told, and those that came after."""
    assembler = new_assembler()
    early: list[tuple[str, str]] = []
    late: list[tuple[str, str]] = []
    for chunk in chunks:
        is_calling = assembler.step is not None and assembler.message is None
        said = [("text", chunk.text), ("refusal", chunk.refusal)]
        (late if is_calling else early).extend((kind, piece) for kind, piece in said if piece)
        assembler.push(chunk)
    return early, late


def no_blanks(pieces: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return pieces that come before calls; none if they are texts without a word."""
    return [] if all(kind == "text" and not piece.strip() for kind, piece in pieces) else pieces


def parts_of(message: Message | LateMessage) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = []
    for part in message.content:
        assert isinstance(part, TextContent | RefusalContent)
        parts.append((part.type, part.text.value if part.type == "text" else part.refusal))
    return parts


def calls_of(step: RunStep | None) -> list[ToolCall]:
    assert step is not None
    assert isinstance(step.step_details, ToolCallsDetails)
    return step.step_details.tool_calls


# ---- properties -------------------------------------------------------------------------------


@given(pieces=PIECES, writes=WRITES)
@example(pieces=[], writes=[])
def test_a_message_adds_up_to_what_was_said_wherever_it_is_written(
    pieces: list[tuple[str, str]], writes: list[Write]
) -> None:
    writer = Writer(new_assembler())
    writer.play(spoken(pieces), writes)
    turn = writer.assembler.finish()
    writer.assembler.close_message(usage=USAGE)
    writer.write()
    (message,) = writer.messages.values()
    (step,) = writer.steps.values()
    assert parts_of(message) == (joined(pieces) or [("text", "")])
    assert (message.status, message.completed_at) == ("completed", NOW)
    assert (step.status, step.completed_at, step.usage) == ("completed", NOW, USAGE)
    assert turn.late is None


@given(text=st.text(min_size=1, max_size=20), data=st.data(), writes=WRITES)
def test_a_text_that_is_cut_within_its_characters_arrives_as_it_was(
    text: str, data: st.DataObject, writes: list[Write]
) -> None:
    writer = Writer(new_assembler())
    writer.play([ModelChunk(text=piece) for piece in cut(data.draw, text, 12)], writes)
    writer.assembler.finish()
    writer.assembler.close_message()
    writer.write()
    (message,) = writer.messages.values()
    assert parts_of(message) == [("text", text)]


@given(pieces=PIECES, said=said_calls(), together=st.booleans(), writes=WRITES)
def test_text_and_then_calls_are_a_message_and_then_a_step_with_these_calls(
    pieces: list[tuple[str, str]],
    said: SaidCalls,
    together: bool,
    writes: list[Write],
) -> None:
    chunks = spoken(pieces)
    if together:
        last = chunks.pop() if chunks else ModelChunk()
        chunks.append(ModelChunk(text=last.text, refusal=last.refusal, calls=said.fragments))
    else:
        chunks += [ModelChunk(calls=(fragment,)) for fragment in said.fragments]
    writer = Writer(new_assembler())
    writer.play(chunks, writes)
    turn = writer.assembler.finish()
    writer.write()

    assert [(call.name, call.arguments) for call in turn.calls] == [
        (call.name, call.arguments) for call in said.calls
    ]
    assert calls_of(writer.assembler.step) == [
        tool_call(
            type_of(call.name), call.id, CalledFunction(name=call.name, arguments=call.arguments)
        )
        for call in turn.calls
    ]
    assert writer.assembler.step is not None
    writer.reader.check_record(writer.assembler.step)
    assert [parts_of(message) for message in writer.messages.values()] == (
        [joined(pieces)] if no_blanks(pieces) else []
    )
    assert all(message.status == "completed" for message in writer.messages.values())


@given(chunks=st.lists(ANY_CHUNK, max_size=12), writes=WRITES)
def test_nonsense_is_written_in_an_order_that_clients_can_follow(
    chunks: list[ModelChunk], writes: list[Write]
) -> None:
    writer = Writer(new_assembler())
    writer.play(chunks, writes)
    turn = writer.assembler.finish()
    writer.write()
    told = [
        (each["type"], each["text"]["value"] if each["type"] == "text" else each["refusal"])
        for parts in writer.reader.contents.values()
        for each in parts
    ]
    early, late = before_and_after_calls(chunks)
    if turn.calls:
        early = no_blanks(early)
    assert told == joined(early) or (told, early, turn.calls) == ([("text", "")], [], ())
    # Nothing is lost but blanks: what comes after a call was told is kept for later.
    kept = joined(late) if any(piece.strip() for _, piece in late) else []
    assert (parts_of(turn.late) if turn.late else []) == kept
    assert bool(turn.calls) == (writer.assembler.message is None)


@given(pieces=PIECES, said=said_calls(), writes=FAILING)
def test_writes_that_failed_leave_no_trace(
    pieces: list[tuple[str, str]], said: SaidCalls, writes: list[Write]
) -> None:
    chunks = [*spoken(pieces), *(ModelChunk(calls=(each,)) for each in said.fragments)]
    drafts = []
    for these in (writes, []):
        writer = Writer(new_assembler())
        writer.play(chunks, these)
        writer.assembler.finish()
        drafts.append(writer.write())
    failed_often, at_once = drafts
    assert (failed_often.messages, failed_often.steps) == (at_once.messages, at_once.steps)
    # Deltas are cut where a write was tried; otherwise the events are the same.
    deltas = [[e for e in draft.events if not e.name.endswith(".delta")] for draft in drafts]
    assert deltas[0] == deltas[1]


# ---- examples ---------------------------------------------------------------------------------


def test_what_comes_between_two_writes_is_one_delta() -> None:
    writer = Writer(new_assembler())
    writer.play([ModelChunk(text=piece) for piece in ("He", "llo", "!")], [])
    first = writer.write()
    assert [event.name for event in first.events] == [
        "thread.run.step.created",
        "thread.run.step.in_progress",
        "thread.message.created",
        "thread.message.in_progress",
        "thread.message.delta",
    ]
    assert first.events[-1].data == {
        "id": "msg_0001",
        "object": "thread.message.delta",
        "delta": {
            "content": [
                {"index": 0, "type": "text", "text": {"value": "Hello!", "annotations": []}}
            ]
        },
    }
    writer.play([ModelChunk(text=" Again"), ModelChunk(text=".")], [])
    (delta,) = writer.write().events
    assert delta.data["delta"]["content"] == [
        {"index": 0, "type": "text", "text": {"value": " Again."}}
    ]
    assert writer.write().events == ()


def test_the_first_delta_of_a_call_names_it_and_the_others_bring_its_arguments() -> None:
    writer = Writer(new_assembler())
    fragments = [
        CallFragment(0, "call_a", "f", ""),
        CallFragment(0, None, None, '{"a"'),
        CallFragment(0, None, None, ": 1"),
    ]
    writer.play([ModelChunk(calls=(each,)) for each in fragments], [])
    events = writer.write().events
    opening = {"name": "f", "arguments": "", "output": None}
    assert [event.data["delta"]["step_details"]["tool_calls"] for event in events[2:]] == [
        [{"index": 0, "type": "function", "id": "call_a", "function": opening}],
        [{"index": 0, "type": "function", "function": {"arguments": '{"a": 1'}}],
    ]


def test_the_records_of_a_turn_name_the_run_and_its_thread() -> None:
    writer = Writer(new_assembler())
    writer.play([ModelChunk(text="Hi")], [])
    draft = writer.write()
    ((message,), (step,)) = draft.messages, draft.steps
    assert (message.thread_id, message.run_id, message.assistant_id, message.role) == (
        THREAD,
        RUN,
        "asst_test",
        "assistant",
    )
    assert (step.thread_id, step.run_id, step.assistant_id) == (THREAD, RUN, "asst_test")
    assert step.expires_at == run_record().expires_at


def test_a_message_that_was_cut_short_says_why() -> None:
    writer = Writer(new_assembler())
    writer.play([ModelChunk(text="Once upon")], [])
    writer.assembler.finish()
    writer.assembler.close_message(incomplete="max_tokens")
    writer.write()
    (message,) = writer.messages.values()
    assert (message.status, message.incomplete_at, message.completed_at) == (
        "incomplete",
        NOW,
        None,
    )
    assert message.incomplete_details is not None
    assert message.incomplete_details.reason == "max_tokens"


def test_closing_when_nothing_is_open_does_nothing() -> None:
    assembler = new_assembler()
    assembler.close_message()
    assert assembler.take() == Draft((), (), (), None, None)


@pytest.mark.parametrize(
    ("pieces", "late"), [((" \n", "\t"), None), ((" \n", "I called it. "), " \nI called it. ")]
)
def test_text_that_comes_after_a_call_was_told_is_kept_unless_it_is_blank(
    pieces: tuple[str, ...], late: str | None
) -> None:
    writer = Writer(new_assembler())
    call = CallFragment(0, "call_a", "f", "{}")
    writer.play([ModelChunk(calls=(call,)), *(ModelChunk(text=piece) for piece in pieces)], [])
    turn = writer.assembler.finish()
    assert writer.assembler.message is None
    assert writer.write().messages == ()
    if late is None:
        assert turn.late is None
    else:
        assert turn.late is not None
        assert parts_of(turn.late) == [("text", late)]
        assert writer.assembler.step is not None
        assert turn.late.step_id > writer.assembler.step.id


def test_a_character_that_is_cut_after_the_calls_is_put_together_too() -> None:
    assembler = new_assembler()
    assembler.push(ModelChunk(text="\ud83d", calls=(CallFragment(0, "call_a", "f", "{}"),)))
    for piece in ("\ude00 ", "\ud83d", "\ude00", "\ud83d"):
        assembler.push(ModelChunk(text=piece))
    turn = assembler.finish()
    assert turn.late is not None
    assert parts_of(turn.late) == [("text", "\ufffd \U0001f600\ufffd")]


def test_half_a_character_comes_out_before_whatever_else_follows() -> None:
    writer = Writer(new_assembler())
    writer.play([ModelChunk(text="a\ud83d")], [])
    assert writer.write().events[-1].data["delta"]["content"][0]["text"]["value"] == "a"
    writer.play(
        [
            ModelChunk(refusal="\ud83d"),
            ModelChunk(calls=(CallFragment(0, "call_a", "f", "{}"),)),
        ],
        [],
    )
    writer.write()
    (message,) = writer.messages.values()
    assert parts_of(message) == [("text", "a\ufffd"), ("refusal", "\ufffd")]
    assert message.status == "completed"


def test_an_answer_of_half_a_character_is_a_message() -> None:
    writer = Writer(new_assembler())
    writer.play([ModelChunk(text="\ude00"), ModelChunk(text="\ud83d")], [])
    writer.assembler.finish()
    writer.assembler.close_message()
    writer.write()
    (message,) = writer.messages.values()
    assert parts_of(message) == [("text", "\ufffd\ufffd")]


def test_the_open_message_can_be_read_while_it_grows() -> None:
    assembler = new_assembler()
    for piece, so_far in [("He", "He"), ("llo", "Hello")]:
        assembler.push(ModelChunk(text=piece))
        assembler.take()
        assert assembler.message is not None
        assert parts_of(assembler.message) == [("text", so_far)]
        assert assembler.message.status == "in_progress"


def test_an_answer_has_started_when_anything_of_it_came() -> None:
    for chunk, started in [
        (ModelChunk(), False),
        (ModelChunk(text="", usage=USAGE, finish_reason="stop"), False),
        (ModelChunk(text="x"), True),
        (ModelChunk(refusal="x"), True),
        (ModelChunk(calls=(CallFragment(),)), True),
    ]:
        assembler = new_assembler()
        assembler.push(chunk)
        assert assembler.started is started


def test_reason_usage_text_and_calls_may_come_in_one_chunk() -> None:
    writer = Writer(new_assembler())
    fragment = CallFragment(0, "call_a", "f", "{}")
    writer.play([ModelChunk("Hi", None, (fragment,), "tool_calls", USAGE)], [])
    turn = writer.assembler.finish()
    writer.write()
    assert turn.calls == (ModelCall("call_a", "f", "{}"),)
    assert (turn.finish_reason, turn.usage) == ("tool_calls", USAGE)
    assert [parts_of(message) for message in writer.messages.values()] == [[("text", "Hi")]]


def test_the_last_usage_is_the_turns() -> None:
    assembler = new_assembler()
    assembler.push(ModelChunk(usage=Usage(prompt_tokens=1, completion_tokens=0, total_tokens=1)))
    assembler.push(ModelChunk(text="x", usage=USAGE))
    assembler.push(ModelChunk(text="y"))
    assert assembler.finish().usage == assembler.usage == USAGE


def test_a_message_before_calls_leaves_the_turns_usage_to_their_step() -> None:
    """Some servers tell the usage so far with every chunk: it must not be counted twice."""
    writer = Writer(new_assembler())
    writer.play(
        [
            ModelChunk(text="I look it up.", usage=USAGE),
            ModelChunk(calls=(CallFragment(0, "call_a", "f", None),), usage=USAGE),
        ],
        [],
    )
    writer.assembler.finish()
    writer.write()
    assert [step.usage for step in writer.steps.values()] == [None, None]


def test_blanks_before_a_call_are_no_message_and_before_a_word_a_part_of_it() -> None:
    calling, speaking = Writer(new_assembler()), Writer(new_assembler())
    call = ModelChunk(calls=(CallFragment(0, "call_1", "f", "{}"),))
    calling.play([ModelChunk(text="\n\n"), call], ["works", "works"])
    speaking.play([ModelChunk(text="\n"), ModelChunk(text=" Yes")], ["works", "works"])
    for writer in (calling, speaking):
        writer.assembler.finish()
        writer.assembler.close_message()
        writer.write()
    assert not calling.messages
    (message,) = speaking.messages.values()
    assert parts_of(message) == [("text", "\n Yes")]
