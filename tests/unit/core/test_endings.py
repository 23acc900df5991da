"""How runs end before their time, how broken attempts are cleaned up, and in which order."""

from typing import Any

import pytest

from core.call_assembler import ModelCall
from core.endings import EndTrigger, claim, end_run, end_unasked, with_logged_content
from core.event_log import Event
from core.model import ModelChunk
from core.records import RunPhase
from core.run_machine import IllegalTransition, Trigger
from core.schema.messages import RefusalContent, TextContent
from core.schema.runs import RunError, Usage
from core.step_planner import CallTools
from core.turn_assembler import Turn
from core.turn_commit import cancel_instead, commit_turn
from tests.support.model import USAGE
from tests.support.runs import NOW, call_step, function_call, message_step, run_record
from tests.support.world import run_config
from tests.unit.core.run_life import FAILURE, RunLife, call_tools, say

HEAD = ["run.created", "run.queued", "run.in_progress"]
STEP = ["run.step.created", "run.step.in_progress"]
MESSAGE = ["message.created", "message.in_progress", "message.delta"]


def streaming(*chunks: ModelChunk) -> RunLife:
    """Return a run in the middle of a turn whose beginning is written."""
    life = RunLife()
    life.claim()
    life.hear(*chunks)
    life.flush()
    return life


# ---- the order of events, case by case ---------------------------------------------------------


def test_a_plain_answer() -> None:
    life = streaming(*say("Hello"))
    life.end_turn()
    assert life.names == [
        *HEAD,
        *STEP,
        *MESSAGE,
        "message.completed",
        "run.step.completed",
        "run.completed",
    ]
    assert life.run.usage == USAGE
    assert life.run.step_no == 1


def test_text_and_then_a_call() -> None:
    life = streaming(*say("I look it up."), *call_tools(c1="f"))
    life.end_turn("tool_calls")
    assert life.names == [
        *HEAD,
        *STEP,
        *MESSAGE,
        "message.completed",
        "run.step.completed",
        *STEP,
        "run.step.delta",
        "run.step.delta",
        "run.requires_action",
    ]


def test_an_answer_that_was_cut_short() -> None:
    for reason, message_reason, run_reason in [
        ("length", "max_tokens", "max_completion_tokens"),
        ("content_filter", "content_filter", None),
    ]:
        life = streaming(*say("Once upon"))
        life.end_turn(reason)
        assert life.names[-3:] == ["message.incomplete", "run.step.completed", "run.incomplete"]
        (message,) = life.messages.values()
        assert message.incomplete_details is not None
        assert message.incomplete_details.reason == message_reason
        assert life.run.incomplete_details is not None
        assert life.run.incomplete_details.reason == run_reason


def test_calls_that_were_cut_short_are_not_made() -> None:
    life = streaming(*call_tools(c1="a"))
    life.end_turn("length")
    assert life.names[-2:] == ["run.step.completed", "run.incomplete"]
    assert life.calls == {}
    (step,) = life.steps.values()
    assert step.usage == USAGE


@pytest.mark.parametrize(
    ("trigger", "ending", "reason"),
    [
        (
            Trigger.FAIL,
            ["message.incomplete", "run.step.failed", "run.failed"],
            "run_failed",
        ),
        (
            Trigger.CANCELLED,
            ["run.cancelling", "message.incomplete", "run.step.cancelled", "run.cancelled"],
            "run_cancelled",
        ),
        (
            Trigger.EXPIRE,
            ["message.incomplete", "run.step.expired", "run.expired"],
            "run_expired",
        ),
    ],
)
@pytest.mark.parametrize("dead", [False, True])
def test_a_run_that_ends_in_the_middle_of_a_message(
    trigger: EndTrigger, ending: list[str], reason: str, dead: bool
) -> None:
    life = streaming(*say("Hel", "lo"))
    if dead:
        life.crash()
        life.end(trigger)
    else:
        life.abort_turn(trigger)
    assert life.names == [*HEAD, *STEP, *MESSAGE, *ending]
    (message,) = life.messages.values()
    assert message.status == "incomplete"
    assert message.incomplete_details is not None
    assert message.incomplete_details.reason == reason
    (part,) = message.content
    assert isinstance(part, TextContent)
    assert part.text.value == "Hello", "what was said stays"


def test_what_was_said_but_not_written_when_a_turn_is_broken_off_is_written_with_its_end() -> None:
    life = streaming(*say("Hel"))
    life.hear(*say("lo"), ModelChunk(usage=USAGE))
    life.abort_turn(Trigger.CANCELLED)
    assert life.names[-5:] == [
        "message.delta",
        "run.cancelling",
        "message.incomplete",
        "run.step.cancelled",
        "run.cancelled",
    ]
    assert life.log[-1].data["usage"] == USAGE.model_dump()


def test_a_run_that_nobody_has_begun_is_cancelled_in_two_words() -> None:
    life = RunLife()
    life.end(Trigger.CANCELLED)
    assert life.names == ["run.created", "run.queued", "run.cancelling", "run.cancelled"]
    assert life.released == 1


@pytest.mark.parametrize("name", ["a", "f"])
def test_a_run_that_waits_for_tools_is_cancelled_with_its_step(name: str) -> None:
    life = streaming(*call_tools(c1=name))
    life.end_turn("tool_calls")
    life.end(Trigger.CANCELLED)
    assert life.names[-3:] == ["run.cancelling", "run.step.cancelled", "run.cancelled"]
    assert (life.run.pending_calls, life.run.required_action) == (0, None)


def test_a_failed_run_says_why_and_so_does_its_step() -> None:
    life = streaming(*say("Hel"))
    life.abort_turn(Trigger.FAIL)
    assert life.run.last_error == FAILURE
    (step,) = life.steps.values()
    assert step.last_error is not None
    assert (step.last_error.code, step.last_error.message) == ("server_error", FAILURE.message)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("rate_limit_exceeded", "rate_limit_exceeded"),
        ("server_error", "server_error"),
        ("invalid_prompt", "server_error"),
    ],
)
def test_a_step_knows_fewer_error_codes_than_a_run(code: Any, told: str) -> None:
    error = RunError(code=code, message="No.")
    run = run_record(status="in_progress", open_step="step_m")
    change = end_run(run, Trigger.FAIL, message=None, step=message_step(), now=NOW, error=error)
    assert change.after.last_error == error
    assert change.steps[0].last_error is not None
    assert change.steps[0].last_error.code == told


@pytest.mark.parametrize("trigger", [Trigger.FAIL, Trigger.CANCELLED, Trigger.EXPIRE])
def test_an_ended_run_owes_nothing(trigger: EndTrigger) -> None:
    run = run_record(
        status="in_progress",
        phase=RunPhase.TOOLS,
        open_step="step_t",
        open_message="msg_1",
        pending_calls=2,
        cancel_requested=True,
    )
    change = end_run(run, trigger, message=None, step=None, now=NOW)
    after = change.after
    assert (after.open_step, after.open_message, after.pending_calls) == (None, None, 0)
    assert (after.cancel_requested, after.phase) == (False, RunPhase.ENDED)
    assert change.releases_thread


# ---- cancelling a turn that had come to its end --------------------------------------------------


def test_a_whole_answer_stays_whole_when_its_run_is_cancelled() -> None:
    life = streaming(*say("Hello"))
    life.end_turn(cancelled=True)
    assert life.names[-4:] == [
        "message.completed",
        "run.step.completed",
        "run.cancelling",
        "run.cancelled",
    ]
    assert life.run.usage == USAGE


@pytest.mark.parametrize("names", [{"c1": "a"}, {"c1": "f"}, {"c1": "f", "c2": "a"}])
def test_calls_of_a_cancelled_turn_are_not_made(names: dict[str, str]) -> None:
    life = streaming(*call_tools(**names))
    life.end_turn("tool_calls", cancelled=True)
    assert life.names[-3:] == ["run.cancelling", "run.step.cancelled", "run.cancelled"]
    assert "run.requires_action" not in life.names
    assert life.calls == {}
    assert life.run.required_action is None


def test_a_turn_that_failed_is_cancelled_if_that_was_asked_for_first() -> None:
    life = streaming(*call_tools(c1="f"))
    life.end_turn("tool_calls", calls_allowed=False, cancelled=True)
    assert life.names[-3:] == ["run.step.failed", "run.cancelling", "run.cancelled"]
    assert life.run.last_error is None


def test_calls_that_no_step_holds_are_not_committed() -> None:
    life = streaming()
    call = ModelCall("c1", "f", "{}")
    turn = Turn((call,), "tool_calls", None)
    with pytest.raises(ValueError, match="has an open step"):
        commit_turn(life.run, life.turn, turn, CallTools((), (call,), ()), life.tools, now=life.now)


# ---- taking over -------------------------------------------------------------------------------


def test_what_an_interrupted_attempt_left_open_is_closed_before_the_step_begins_anew() -> None:
    life = streaming(*say("Hel"))
    life.crash()
    told = len(life.names)
    life.claim()
    assert life.names[told:] == ["message.incomplete", "run.step.failed"]
    life.hear(*say("Hello"))
    life.end_turn()
    assert life.run.status == "completed"
    assert [message.status for message in life.messages.values()] == ["incomplete", "completed"]
    assert (life.run.attempts, life.run.step_no) == (0, 1)


def test_each_claim_counts_an_attempt_and_takes_over_the_watch() -> None:
    run = run_record(watch=4, attempts=1, open_step="step_m", open_message="msg_1")
    change = claim(run, owner="worker", lease_until_ms=5, message=None, step=None, now=NOW)
    after = change.after
    assert (after.attempts, after.watch) == (2, 5)
    assert (after.lease_owner, after.lease_until_ms) == ("worker", 5)
    assert (after.open_step, after.open_message) == (None, None)
    assert not change.releases_thread


@pytest.mark.parametrize("status", ["requires_action", "completed", "cancelled", "failed"])
def test_a_run_that_is_not_to_be_worked_on_cannot_be_claimed(status: str) -> None:
    with pytest.raises(IllegalTransition):
        claim(
            run_record(status=status),
            owner="worker",
            lease_until_ms=5,
            message=None,
            step=call_step(function_call("c1")),
            now=NOW,
        )


def test_the_content_of_a_broken_message_is_what_was_logged_of_it() -> None:
    life = streaming(*say("Hel"), ModelChunk(refusal="No"), *say("lo"))
    life.hear(*say("not written"))
    (message,) = life.messages.values()
    elsewhere = Event(
        "thread.message.delta",
        {
            "id": "msg_other",
            "delta": {"content": [{"index": 0, "type": "text", "text": {"value": "x"}}]},
        },
    )
    filled = with_logged_content(message, [elsewhere, *life.log])
    text, refusal, more = filled.content
    assert isinstance(text, TextContent)
    assert isinstance(refusal, RefusalContent)
    assert isinstance(more, TextContent)
    assert (text.text.value, refusal.refusal, more.text.value) == ("Hel", "No", "lo")


# ---- without another word -----------------------------------------------------------------------


def test_a_run_whose_prompt_has_no_room_ends_as_incomplete_and_frees_its_thread() -> None:
    run = run_record(status="in_progress", started_at=NOW - 9, usage=USAGE, step_no=1)
    change = end_unasked(run, now=NOW)
    assert change.after.status == "incomplete"
    assert change.after.phase is RunPhase.ENDED
    assert change.after.usage == USAGE
    assert change.after.incomplete_details is not None
    assert change.after.incomplete_details.reason == "max_prompt_tokens"
    assert [event.name for event in change.events] == ["thread.run.incomplete"]
    assert change.events[0].data == change.after.to_wire().model_dump(mode="json")
    assert change.releases_thread
    assert (change.messages, change.steps, change.calls) == ((), (), ())


@pytest.mark.parametrize(
    ("used", "reason"), [(299, "max_prompt_tokens"), (300, "max_completion_tokens")]
)
def test_the_limit_that_left_no_tokens_is_named(used: int, reason: str) -> None:
    run = run_record(
        run_config(max_completion_tokens=300),
        status="in_progress",
        started_at=NOW - 9,
        usage=Usage(completion_tokens=used),
    )
    details = end_unasked(run, now=NOW).after.incomplete_details
    assert details is not None
    assert details.reason == reason


def test_a_cancel_that_came_first_cancels_the_run_whose_prompt_has_no_room() -> None:
    run = run_record(status="in_progress", started_at=NOW - 9, usage=USAGE, step_no=1)
    change = cancel_instead(end_unasked(run, now=NOW), now=NOW)
    assert change.after.status == "cancelled"
    assert change.after.incomplete_details is None
    names = [event.name for event in change.events]
    assert names == ["thread.run.cancelling", "thread.run.cancelled"]


@pytest.mark.parametrize("status", ["queued", "requires_action", "cancelling", "completed"])
def test_only_a_run_that_is_worked_on_ends_for_want_of_room(status: str) -> None:
    with pytest.raises(IllegalTransition):
        end_unasked(run_record(status=status), now=NOW)
