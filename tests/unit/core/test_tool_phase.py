"""Results come back: from the tool worker call by call, from the client all at once."""

import json
from typing import get_args

import pytest

from core.endings import EndTrigger
from core.model import ModelChunk
from core.records import CallRecord, CallState, RunPhase, RunRecord
from core.run_machine import IllegalTransition
from core.schema.steps import RunStep, ToolCallsDetails
from core.step_records import (
    output_delta,
    unanswered_functions,
    with_known_outputs,
    with_outputs,
)
from core.tool_phase import record_output, require_action, settled_output, submit_outputs
from tests.support.orders import MESSAGE
from tests.support.runs import (
    NOW,
    action_call,
    call_step,
    function_call,
    message_step,
    run_record,
)
from tests.unit.core.run_life import RunLife, call_tools, say

LATER = NOW + 5


def mixed_phase() -> RunLife:
    """Return a run whose step called actions, functions and a tool that does not exist."""
    life = RunLife()
    life.claim()
    life.hear(*call_tools(c1="f", c2="a", c3="nobody", c4="b"))
    life.end_turn("tool_calls")
    return life


def outputs_of(step: RunStep) -> dict[str, str | None]:
    assert isinstance(step.step_details, ToolCallsDetails)
    return {call.id: call.called.output for call in step.step_details.tool_calls}


def test_internal_calls_run_first_then_the_client_is_asked_and_nothing_is_lost() -> None:
    life = mixed_phase()
    assert [call.call_id for call in life.waiting_calls] == ["c2", "c4"]
    assert life.run.pending_calls == 2
    life.answer("c4", "four")
    assert life.run.phase is RunPhase.TOOLS
    life.answer("c2", "two", failed=True)
    assert life.run.status == "requires_action"
    assert life.run.required_action is not None
    asked = life.run.required_action.submit_tool_outputs.tool_calls
    assert [(call.id, call.function.name, call.function.arguments) for call in asked] == [
        ("c1", "f", "{}")
    ]
    life.submit()
    (step,) = life.steps.values()
    refusal = '{"error": "There is no tool \'nobody\'. The tools are: a, b, f, g."}'
    assert outputs_of(step) == {"c1": "out c1", "c2": "two", "c3": refusal, "c4": "four"}
    assert step.status == "completed"
    states = {call.call_id: (call.state, call.failed) for call in life.calls.values()}
    assert states == {"c2": (CallState.DONE, True), "c4": (CallState.DONE, False)}


def test_the_order_of_events_when_a_client_answers_is_openais() -> None:
    life = mixed_phase()
    life.answer("c2", "two")
    life.answer("c4", "four")
    told = len(life.names)
    life.submit()
    life.claim()
    assert life.names[told:] == ["run.step.completed", "run.queued", "run.in_progress"]


def test_each_internal_output_is_told_when_it_comes() -> None:
    life = mixed_phase()
    told = len(life.log)
    life.answer("c4", "four")
    (event,) = life.log[told:]
    assert event.data["delta"]["step_details"]["tool_calls"] == [
        {"index": 3, "type": "action", "action": {"output": "four"}}
    ]


def test_the_last_internal_output_without_functions_completes_the_step() -> None:
    life = RunLife()
    life.claim()
    life.hear(*call_tools(c1="a"))
    life.end_turn("tool_calls")
    told = len(life.names)
    life.answer("c1", "")
    assert life.names[told:] == ["run.step.delta", "run.step.completed"]
    assert (life.run.status, life.run.phase, life.run.pending_calls, life.run.open_step) == (
        "in_progress",
        RunPhase.READY,
        0,
        None,
    )
    (step,) = life.steps.values()
    assert outputs_of(step) == {"c1": ""}, "an empty output is an output"


@pytest.mark.parametrize("trigger", get_args(EndTrigger))
def test_a_step_that_ends_early_keeps_the_outputs_that_were_told(trigger: EndTrigger) -> None:
    life = mixed_phase()
    life.answer("c4", "four")
    life.end(trigger)
    (step,) = life.steps.values()
    outputs = outputs_of(step)
    assert (outputs["c1"], outputs["c2"], outputs["c4"]) == (None, None, "four")
    assert life.reader.objects[step.id] == step.model_dump(mode="json")


@pytest.mark.parametrize("trigger", get_args(EndTrigger))
def test_a_step_whose_client_never_answers_keeps_the_internal_outputs(trigger: EndTrigger) -> None:
    life = mixed_phase()
    life.answer("c2", "two")
    life.answer("c4", "four")
    assert life.run.phase is RunPhase.CLIENT
    life.end(trigger)
    (step,) = life.steps.values()
    outputs = outputs_of(step)
    assert (outputs["c1"], outputs["c2"], outputs["c4"]) == (None, "two", "four")


def test_the_phases_deadline_is_after_the_slowest_calls_own() -> None:
    life = mixed_phase()
    slowest = max(call.timeout_seconds for call in life.calls.values())
    assert life.run.tools_deadline_ms > (life.now + slowest) * 1000


def test_refused_calls_alone_are_answered_at_once() -> None:
    life = RunLife()
    life.claim()
    life.hear(*call_tools(c1="nobody"))
    life.end_turn("tool_calls")
    assert (life.run.status, life.run.phase, life.run.bad_calls) == (
        "in_progress",
        RunPhase.READY,
        1,
    )
    assert life.names[-2:] == ["run.step.delta", "run.step.completed"]


# ---- what was said after the calls ------------------------------------------------------------


def calling(**calls: str) -> RunLife:
    """Return a run whose model has called tools and then gone on to speak."""
    life = RunLife()
    life.claim()
    life.hear(*call_tools(**calls), *say("I have ", "asked."))
    life.end_turn("tool_calls")
    return life


def test_what_was_said_after_calls_is_told_with_the_last_internal_output() -> None:
    life = calling(c1="a", c2="b")
    life.answer("c2", "two")
    assert "message.created" not in life.names
    told = len(life.names)
    life.answer("c1", "one")
    assert life.names[told:] == ["run.step.delta", "run.step.completed", *MESSAGE]
    life.claim()
    life.hear(*say("Done."))
    life.end_turn()
    assert life.run.status == "completed"
    contents = [parts for _, parts in sorted(life.reader.contents.items())]
    assert [part["text"]["value"] for (part,) in contents] == ["I have asked.", "Done."]


def test_what_was_said_after_calls_is_told_when_the_client_has_answered() -> None:
    life = calling(c1="f", c2="a")
    life.answer("c2", "two")
    assert life.run.phase is RunPhase.CLIENT
    told = len(life.names)
    life.submit()
    assert life.names[told:] == ["run.step.completed", "run.queued", *MESSAGE]


def test_what_was_said_after_calls_is_told_at_once_if_all_were_refused() -> None:
    life = calling(c1="nobody")
    assert life.names[-9:] == ["run.step.delta", "run.step.completed", *MESSAGE]
    assert life.run.late_message is None


def test_the_late_message_is_one_of_the_run_that_was_written_when_it_was_told() -> None:
    life = calling(c1="a")
    life.now += 100
    life.answer("c1", "one")
    (message,) = life.messages.values()
    step = life.steps[life.run.late_steps[0]]
    assert (message.run_id, message.role, message.created_at, message.completed_at) == (
        life.run.id,
        "assistant",
        life.now,
        life.now,
    )
    assert (step.created_at, step.completed_at, step.usage) == (life.now, life.now, None)
    assert step.expires_at == life.run.expires_at


def test_late_text_and_late_refusals_are_parts_of_one_message() -> None:
    life = RunLife()
    life.claim()
    life.hear(*call_tools(c1="a"), *say("Well"), ModelChunk(refusal="No."), *say("!"))
    life.end_turn("tool_calls")
    told = len(life.names)
    life.answer("c1", "one")
    deltas = ["message.delta"] * 3
    assert life.names[told + 2 :] == [*MESSAGE[:4], *deltas, *MESSAGE[5:]]
    (message,) = life.messages.values()
    assert [part.type for part in message.content] == ["text", "refusal", "text"]


@pytest.mark.parametrize("trigger", get_args(EndTrigger))
@pytest.mark.parametrize("name", ["a", "f"])
def test_a_run_that_ends_before_its_calls_drops_what_was_not_told(
    trigger: EndTrigger, name: str
) -> None:
    life = calling(c1=name)
    before = life.run
    life.end(trigger)
    assert (before.late_message is None, life.run.late_message is None) == (False, True)
    assert life.messages == {}


def test_an_answer_that_is_cut_short_after_its_calls_is_told_as_far_as_it_came() -> None:
    life = RunLife()
    life.claim()
    life.hear(*call_tools(c1="a"), *say("Once upon"))
    life.end_turn("length")
    assert life.names[-9:] == [
        "run.step.completed",
        *MESSAGE[:5],
        "message.incomplete",
        "run.step.completed",
        "run.incomplete",
    ]
    (message,) = life.messages.values()
    assert message.incomplete_details is not None
    assert message.incomplete_details.reason == "max_tokens"
    assert life.calls == {}


def test_a_turn_that_is_cancelled_after_all_its_calls_were_refused_has_been_told_whole() -> None:
    life = RunLife()
    life.claim()
    life.hear(*call_tools(c1="nobody"), *say("I tried."))
    life.end_turn("tool_calls", cancelled=True)
    assert life.names[-10:] == [
        "run.step.completed",
        *MESSAGE,
        "run.cancelling",
        "run.cancelled",
    ]


# ---- the builders on their own ----------------------------------------------------------------


def waiting_run(step: RunStep) -> RunRecord:
    return require_action(run_record(status="in_progress"), step, now=NOW)


def test_submitted_outputs_arm_the_next_check() -> None:
    step = call_step(function_call("c1"))
    run = waiting_run(step)
    change = submit_outputs(run, step, {"c1": "one"}, now=LATER)
    assert change.after.watch == run.watch + 1
    assert (change.after.status, change.after.required_action) == ("queued", None)
    assert (change.steps[0].status, change.steps[0].completed_at) == ("completed", LATER)


@pytest.mark.parametrize("status", ["queued", "in_progress", "completed", "cancelled", "expired"])
def test_a_run_that_does_not_wait_takes_no_outputs(status: str) -> None:
    step = call_step(function_call("c1"))
    with pytest.raises(IllegalTransition):
        submit_outputs(run_record(status=status), step, {"c1": "one"}, now=NOW)


def test_only_the_calls_own_record_is_put_while_others_are_out() -> None:
    step = call_step(action_call("c1"), action_call("c2"))
    records = [_record("c1"), _record("c2")]
    run = run_record(status="in_progress", phase=RunPhase.TOOLS, open_step="step_t")
    change = record_output(run, step, records, call_id="c2", output="two", failed=False, now=NOW)
    assert [(call.call_id, call.output) for call in change.calls] == [("c2", "two")]
    assert change.steps == ()
    assert change.after.pending_calls == 1


@pytest.mark.parametrize("state", CallState)
def test_an_output_is_stored_on_condition_of_the_calls_state_as_read(state: CallState) -> None:
    step = call_step(action_call("c1"), action_call("c2"))
    records = [_record("c1", state), _record("c2")]
    run = run_record(status="in_progress", phase=RunPhase.TOOLS, open_step="step_t")
    change = record_output(run, step, records, call_id="c1", output="one", failed=False, now=NOW)
    # One that is done has no state in which it may be answered.
    assert change.call_states == ({} if state is CallState.DONE else {"c1": state})


def test_a_call_that_nobody_has_claimed_is_settled_as_not_made_and_any_other_as_in_doubt() -> None:
    untouched = json.loads(settled_output(_record("c1", CallState.PENDING), "Who knows."))
    assert set(untouched) == {"error"}
    assert "not called" in untouched["error"]
    assert "safe to call it again" in untouched["error"]
    claimed = settled_output(_record("c1", CallState.CLAIMED), "Who knows.")
    assert json.loads(claimed) == {"error": "Who knows."}


def test_half_a_character_in_an_output_is_mended_in_the_record_and_in_the_event() -> None:
    step = call_step(action_call("c1"))
    run = run_record(status="in_progress", phase=RunPhase.TOOLS, open_step="step_t")
    change = record_output(
        run, step, [_record("c1")], call_id="c1", output="a\ud83d", failed=False, now=NOW
    )
    assert [call.output for call in change.calls] == ["a\ufffd"]
    assert outputs_of(change.steps[0]) == {"c1": "a\ufffd"}
    (news,) = change.events[0].data["delta"]["step_details"]["tool_calls"]
    assert news["action"] == {"output": "a\ufffd"}


def test_functions_that_wait_are_those_without_an_output() -> None:
    step = call_step(function_call("c1"), function_call("c2", output=""), action_call("c3"))
    assert [call.id for call in unanswered_functions(step)] == ["c1"]
    assert unanswered_functions(message_step()) == []


def test_outputs_go_to_the_calls_that_they_answer() -> None:
    step = call_step(function_call("c1"), action_call("c2"), function_call("c3", output="old"))
    filled = with_outputs(step, {"c1": "one", "c2": "two", "unknown": "x"})
    assert outputs_of(filled) == {"c1": "one", "c2": "two", "c3": "old"}
    assert with_outputs(step, {}) == step
    assert with_outputs(message_step(), {"c1": "one"}) == message_step()


def test_only_calls_that_are_done_have_an_output_to_know() -> None:
    step = call_step(action_call("c1"), action_call("c2"), action_call("c3"))
    done = {"state": CallState.DONE}
    records = [
        _record("c1").model_copy(update=done | {"output": "one"}),
        _record("c2"),
        _record("c3").model_copy(update=done | {"output": ""}),
    ]
    assert outputs_of(with_known_outputs(step, records)) == {"c1": "one", "c2": None, "c3": ""}


def test_a_step_that_calls_nothing_has_no_output_to_tell() -> None:
    with pytest.raises(ValueError, match="calls no tools"):
        output_delta(message_step(), "c1", "one")


def _record(call_id: str, state: CallState = CallState.CLAIMED) -> CallRecord:
    return CallRecord(
        call_id=call_id,
        step_id="step_t",
        index=0,
        tool_type="action",
        name="a",
        arguments="{}",
        configuration="{}",
        timeout_seconds=30,
        state=state,
    )
