"""A run as it is stored, and as clients see it."""

import json
from typing import Any, get_args

import pytest
from openai.types.beta.threads import Run as SdkRun

from core.event_log import EventId
from core.records import TERMINAL, CallRecord, CallState, RunPhase, RunRecord
from core.schema.runs import RunStatus, Usage
from tests.support.runs import NOW, run_record

SPENT = Usage(prompt_tokens=1, completion_tokens=2, total_tokens=3)
# The fields that OpenAI's description requires of a run, null or not.
REQUIRED = [
    "id",
    "object",
    "created_at",
    "thread_id",
    "assistant_id",
    "status",
    "required_action",
    "last_error",
    "expires_at",
    "started_at",
    "cancelled_at",
    "failed_at",
    "completed_at",
    "incomplete_details",
    "model",
    "instructions",
    "tools",
    "metadata",
    "usage",
    "max_prompt_tokens",
    "max_completion_tokens",
    "truncation_strategy",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
]


def test_a_run_round_trips_as_json() -> None:
    run = run_record(base=EventId(1, 2), tail=EventId(2, 0), phase=RunPhase.TOOLS, usage=SPENT)
    again = RunRecord.model_validate_json(run.model_dump_json())
    assert again.model_dump() == run.model_dump()
    assert again.phase is RunPhase.TOOLS


@pytest.mark.parametrize("status", get_args(RunStatus))
def test_a_run_has_ended_in_the_contracts_terminal_statuses_and_no_others(status: str) -> None:
    terminal = {"completed", "incomplete", "failed", "cancelled", "expired"}
    assert run_record(status=status).ended == (status in terminal)
    assert (status in TERMINAL) == (status in terminal)


@pytest.mark.parametrize(
    ("owner", "until", "leased"),
    [(None, 2000, False), ("w", 1001, True), ("w", 1000, False), ("w", 999, False)],
)
def test_a_lease_holds_until_its_last_millisecond(
    owner: str | None, until: int, leased: bool
) -> None:
    assert run_record(lease_owner=owner, lease_until_ms=until).is_leased(1000) is leased


@pytest.mark.parametrize("status", get_args(RunStatus))
def test_clients_get_every_required_field_whatever_the_status(status: str) -> None:
    wire = json.loads(run_record(status=status).to_wire().model_dump_json())
    assert set(REQUIRED) <= set(wire)
    assert SdkRun.model_validate(wire).status == status


@pytest.mark.parametrize("status", get_args(RunStatus))
def test_usage_is_shown_at_the_end_and_the_expiry_until_then(status: str) -> None:
    run = run_record(status=status, usage=SPENT)
    wire = run.to_wire()
    assert wire.usage == (SPENT if run.ended else None)
    assert wire.expires_at == (None if run.ended else NOW + 600)


@pytest.mark.parametrize("status", ["queued", "in_progress", "requires_action"])
def test_a_run_that_is_asked_to_cancel_is_shown_as_cancelling(status: str) -> None:
    assert run_record(status=status, cancel_requested=True).to_wire().status == "cancelling"


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_run_that_has_ended_is_shown_as_it_ended(status: Any) -> None:
    assert run_record(status=status, cancel_requested=True).to_wire().status == status


def test_what_only_we_need_to_know_is_not_shown() -> None:
    wire = run_record(lease_owner="request-1", bad_calls=2).to_wire().model_dump()
    assert {"tenant", "epoch", "lease_owner", "watch", "bad_calls", "phase"}.isdisjoint(wire)


def test_usage_adds_up() -> None:
    more = Usage(prompt_tokens=10, completion_tokens=20, total_tokens=30)
    assert SPENT + more == Usage(prompt_tokens=11, completion_tokens=22, total_tokens=33)
    assert SPENT + Usage() == SPENT


def test_a_call_is_pending_at_first() -> None:
    call = CallRecord(
        call_id="call_1",
        step_id="step_1",
        index=0,
        tool_type="action",
        name="a",
        arguments="{}",
        configuration="{}",
        timeout_seconds=5,
    )
    assert (call.state, call.output, call.failed) == (CallState.PENDING, None, False)
