"""What follows a turn: decided from what the model said, carried out by others."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.call_assembler import ModelCall
from core.step_planner import (
    MAX_BAD_CALLS,
    MAX_INTERNAL_CALLS,
    CallTools,
    CutShort,
    Fail,
    Finish,
    NextStep,
    plan,
)
from core.turn_assembler import Turn
from tests.support.runs import toolbox

TOOLS = toolbox(functions=("f", "g"), actions=("a", "b"))
NAMES = st.sampled_from(["f", "g", "a", "b", "nobody", ""])
ARGUMENTS = st.sampled_from(["", "{}", '{"x": [1]}', "[]", "1", "null", "{", "no", "[" * 100_000])
CALLS = st.lists(st.tuples(NAMES, ARGUMENTS), max_size=12)


def called(*calls: tuple[str, str]) -> tuple[ModelCall, ...]:
    return tuple(
        ModelCall(f"call_{number}", name, arguments)
        for number, (name, arguments) in enumerate(calls)
    )


def planned(
    *calls: tuple[str, str],
    reason: str | None = "tool_calls",
    bad_calls: int = 0,
    calls_allowed: bool = True,
) -> NextStep:
    turn = Turn(called(*calls), reason, None)
    return plan(turn, TOOLS, bad_calls=bad_calls, calls_allowed=calls_allowed)


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "eos", "", None])
def test_a_turn_without_calls_ends_the_run_whatever_it_says_of_its_end(reason: str | None) -> None:
    assert planned(reason=reason) == Finish()


@pytest.mark.parametrize("reason", ["stop", "tool_calls", None])
def test_calls_count_whatever_the_turn_says_of_its_end(reason: str | None) -> None:
    assert planned(("f", "{}"), reason=reason) == CallTools((), called(("f", "{}")), ())


@pytest.mark.parametrize("calls", [(), (("f", "{}"),), (("a", '{"half'),)])
def test_a_turn_that_was_cut_short_calls_nothing(calls: tuple[tuple[str, str], ...]) -> None:
    assert planned(*calls, reason="length") == CutShort("max_tokens")
    assert planned(*calls, reason="content_filter") == CutShort("content_filter")


def test_calls_in_the_step_that_must_end_in_words_fail_the_run() -> None:
    failed = planned(("f", "{}"), calls_allowed=False)
    assert isinstance(failed, Fail)
    assert failed.error.code == "server_error"
    assert planned(calls_allowed=False) == Finish()


@given(CALLS)
def test_each_call_is_carried_out_asked_for_or_refused(calls: list[tuple[str, str]]) -> None:
    following = planned(*calls)
    if not calls:
        assert following == Finish()
        return
    refusable = [
        call
        for call in called(*calls)
        if call.name not in ("f", "g")
        and not (call.name in ("a", "b") and call.arguments in ("", "{}", '{"x": [1]}'))
    ]
    if len(refusable) > MAX_BAD_CALLS:
        assert isinstance(following, Fail)
        return
    assert isinstance(following, CallTools)
    assert [refused.call for refused in following.refused] == refusable
    assert [call for call in called(*calls) if call.name in ("f", "g")] == list(following.external)
    everything = (
        *following.internal,
        *following.external,
        *(refused.call for refused in following.refused),
    )
    assert sorted(call.id for call in everything) == sorted(call.id for call in called(*calls))
    for refused in following.refused:
        assert list(json.loads(refused.output)) == ["error"]


def test_a_functions_arguments_are_the_clients_business() -> None:
    assert isinstance(planned(("f", "not json")), CallTools)
    following = planned(("f", "not json"))
    assert isinstance(following, CallTools)
    assert following.refused == ()


def test_a_refusal_tells_the_model_which_tools_there_are() -> None:
    following = planned(("nobody", "{}"))
    assert isinstance(following, CallTools)
    assert json.loads(following.refused[0].output) == {
        "error": "There is no tool 'nobody'. The tools are: a, b, f, g."
    }
    without = plan(Turn(called(("x", "")), None, None), toolbox(), bad_calls=0, calls_allowed=True)
    assert isinstance(without, CallTools)
    assert "The tools are: none." in without.refused[0].output


@pytest.mark.parametrize(
    ("arguments", "objection"),
    [("{", "not valid JSON"), ("[" * 100_000, "not valid JSON"), ("[1]", "one JSON object")],
)
def test_a_refusal_tells_the_model_what_is_wrong_with_its_arguments(
    arguments: str, objection: str
) -> None:
    following = planned(("a", arguments))
    assert isinstance(following, CallTools)
    assert objection in following.refused[0].output


@pytest.mark.parametrize(("before", "fails"), [(MAX_BAD_CALLS - 1, False), (MAX_BAD_CALLS, True)])
def test_a_model_that_does_not_learn_fails_the_run(before: int, fails: bool) -> None:
    assert isinstance(planned(("nobody", "{}"), bad_calls=before), Fail) == fails


def test_good_calls_never_fail_the_run() -> None:
    assert isinstance(planned(("f", "{}"), ("a", "{}"), bad_calls=MAX_BAD_CALLS), CallTools)


def test_no_more_calls_are_carried_out_at_once_than_a_transaction_takes() -> None:
    calls = [("a", "{}")] * (MAX_INTERNAL_CALLS + 2)
    following = planned(*calls)
    assert isinstance(following, CallTools)
    assert len(following.internal) == MAX_INTERNAL_CALLS
    assert [refused.call.id for refused in following.refused] == ["call_64", "call_65"]
    assert "At most 64 calls" in following.refused[0].output
    # The run, two steps, a message, the log and the thread are in the same transaction.
    assert MAX_INTERNAL_CALLS + 6 <= 100
