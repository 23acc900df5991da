"""A run takes outputs for exactly the calls that it waits for, and says so in known words."""

from collections.abc import Sequence

import pytest

from api.services.tool_outputs import check_outputs
from core.errors import InvalidRequest
from core.records import RunPhase, RunRecord
from core.schema.runs import (
    RequiredAction,
    RequiredFunction,
    RequiredToolCall,
    RunConfig,
    RunStatus,
    SubmitToolOutputsAction,
    ToolOutput,
    TruncationStrategy,
)


def waiting_run(*call_ids: str, status: RunStatus = "requires_action") -> RunRecord:
    calls = [
        RequiredToolCall(id=call_id, function=RequiredFunction(name="f", arguments="{}"))
        for call_id in call_ids
    ]
    waits = RequiredAction(submit_tool_outputs=SubmitToolOutputsAction(tool_calls=calls))
    config = RunConfig(
        assistant_id="asst_1",
        model="m",
        instructions="",
        tools=[],
        metadata={},
        temperature=None,
        top_p=None,
        max_prompt_tokens=None,
        max_completion_tokens=None,
        truncation_strategy=TruncationStrategy(type="auto"),
        tool_choice="auto",
        parallel_tool_calls=True,
        response_format="auto",
        reasoning_effort=None,
    )
    return RunRecord(
        id="run_1",
        tenant="proj_1",
        thread_id="thread_1",
        config=config,
        status=status,
        phase=RunPhase.CLIENT,
        required_action=waits if status == "requires_action" else None,
        created_at=1,
        expires_at=601,
    )


def outputs(*call_ids: str) -> Sequence[ToolOutput]:
    return [ToolOutput(tool_call_id=call_id, output="out") for call_id in call_ids]


def test_the_exact_set_is_taken_in_any_order() -> None:
    check_outputs(waiting_run("a", "b"), outputs("b", "a"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("a",), "Expected tool outputs for call_ids ['a', 'b'], got ['a']"),
        ((), "Expected tool outputs for call_ids ['a', 'b'], got []"),
        (("a", "b", "c"), "Expected tool outputs for call_ids ['a', 'b'], got ['a', 'b', 'c']"),
        (("a", "c"), "Expected tool outputs for call_ids ['a', 'b'], got ['a', 'c']"),
        (("a", "b", "a"), "Duplicate call_ids submitted: ['a']"),
        (("x", "x", "y", "y"), "Duplicate call_ids submitted: ['x', 'y']"),
    ],
)
def test_any_other_set_is_refused_in_openais_words(given: tuple[str, ...], told: str) -> None:
    with pytest.raises(InvalidRequest) as failure:
        check_outputs(waiting_run("a", "b"), outputs(*given))
    assert failure.value.message == told


def test_a_very_long_id_is_cut_where_it_is_repeated() -> None:
    with pytest.raises(InvalidRequest) as failure:
        check_outputs(waiting_run("a"), outputs("x" * 10_000))
    assert len(failure.value.message) < 200


@pytest.mark.parametrize(
    "status",
    ["queued", "in_progress", "completed", "incomplete", "failed", "cancelled", "expired"],
)
def test_a_run_that_does_not_wait_takes_nothing(status: RunStatus) -> None:
    with pytest.raises(InvalidRequest) as failure:
        check_outputs(waiting_run(status=status), outputs())
    assert failure.value.message == f'Runs in status "{status}" do not accept tool outputs.'


def test_a_run_that_is_being_cancelled_takes_nothing() -> None:
    run = waiting_run("a").model_copy(update={"cancel_requested": True})
    with pytest.raises(InvalidRequest, match='"cancelling"'):
        check_outputs(run, outputs("a"))
