"""What a run needs to move on, and when to look whether it does: both read off the run itself."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dispatch import (
    FIRST_CHECK_SECONDS,
    EnqueueStep,
    StartTools,
    dispatch_of,
    next_check_seconds,
    step_job,
)
from core.jobs import StepJob
from core.records import CallRecord, CallState, RunPhase, RunRecord
from tests.support.runs import NOW, RUN, THREAD, run_record
from tests.support.world import TENANT

NOW_MS = NOW * 1000
TIMES = st.integers(NOW_MS - 2_000_000, NOW_MS + 2_000_000)
RUNS = st.builds(
    run_record,
    phase=st.sampled_from(RunPhase),
    lease_owner=st.none() | st.just("worker"),
    lease_until_ms=TIMES,
    tools_deadline_ms=TIMES,
    not_before_ms=TIMES,
    expires_at=st.integers(NOW - 1000, NOW + 2000),
)


def call(call_id: str, state: CallState, timeout: int = 30) -> CallRecord:
    return CallRecord(
        call_id=call_id,
        step_id="step_1",
        index=0,
        tool_type="action",
        name="a",
        arguments="{}",
        configuration="{}",
        timeout_seconds=timeout,
        state=state,
    )


def in_tool_phase(**fields: Any) -> RunRecord:
    return run_record(
        status="in_progress", phase=RunPhase.TOOLS, open_step="step_1", step_no=2, **fields
    )


def test_a_run_that_is_ready_needs_its_steps_message() -> None:
    run = run_record(step_no=3)
    assert dispatch_of(run, ()) == EnqueueStep(
        StepJob(tenant=TENANT, thread_id=THREAD, run_id=RUN, step_no=3)
    )


@pytest.mark.parametrize("phase", [RunPhase.WAITING, RunPhase.CLIENT, RunPhase.ENDED])
def test_a_run_that_waits_or_has_ended_needs_nothing(phase: RunPhase) -> None:
    assert dispatch_of(run_record(phase=phase, open_step="step_1"), ()) is None


def test_a_tool_phase_needs_its_machine_for_the_calls_without_an_output() -> None:
    calls = [
        call("c1", CallState.DONE),
        call("c2", CallState.CLAIMED, 20),
        call("c3", CallState.PENDING),
    ]
    started = dispatch_of(in_tool_phase(), calls)
    assert isinstance(started, StartTools)
    assert started.phase.model_dump() == {
        "v": 1,
        "tenant": TENANT,
        "thread_id": THREAD,
        "run_id": RUN,
        "step_no": 2,
        "step_id": "step_1",
        "calls": [
            {"call_id": "c2", "timeout_seconds": 20},
            {"call_id": "c3", "timeout_seconds": 30},
        ],
        "next_step": step_job(in_tool_phase()).model_dump_json(),
    }
    assert StepJob.model_validate_json(started.phase.next_step).step_no == 2


def test_a_machine_has_one_name_for_each_tool_phase_of_a_run() -> None:
    first = dispatch_of(in_tool_phase(), [call("c1", CallState.PENDING)])
    again = dispatch_of(in_tool_phase(epoch=9), [call("c1", CallState.DONE)])
    later = dispatch_of(in_tool_phase().model_copy(update={"step_no": 3}), [])
    assert isinstance(first, StartTools)
    assert isinstance(again, StartTools)
    assert isinstance(later, StartTools)
    assert first.name == again.name == f"{RUN}-2"
    assert later.name != first.name
    # Step Functions takes names of up to 80 characters.
    assert len(f"run_{'0' * 26}-{10**9}") <= 80


@given(RUNS)
def test_a_check_is_never_further_than_the_runs_expiry(run: RunRecord) -> None:
    seconds = next_check_seconds(run, now_ms=NOW_MS)
    assert 1 <= seconds <= max(run.expires_at - NOW + 1, FIRST_CHECK_SECONDS)


@given(RUNS)
def test_a_check_comes_soon_after_what_it_waits_for_and_not_before(run: RunRecord) -> None:
    due_ms = run.expires_at * 1000
    if run.is_leased(NOW_MS):
        due_ms = min(due_ms, run.lease_until_ms)
    elif run.phase is RunPhase.TOOLS:
        due_ms = min(due_ms, run.tools_deadline_ms)
    elif run.phase is RunPhase.READY:
        due_ms = min(due_ms, max(NOW_MS, run.not_before_ms) + FIRST_CHECK_SECONDS * 1000)
    after_ms = NOW_MS + next_check_seconds(run, now_ms=NOW_MS) * 1000
    if due_ms <= NOW_MS:
        assert after_ms == NOW_MS + FIRST_CHECK_SECONDS * 1000
    else:
        assert due_ms < after_ms <= due_ms + 2000


def test_the_first_check_comes_after_the_apis_function_has_ended() -> None:
    assert FIRST_CHECK_SECONDS > 29


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"lease_owner": "w", "lease_until_ms": NOW_MS + 30_000}, 31),
        ({"lease_owner": "w", "lease_until_ms": NOW_MS + 29_001}, 31),
        ({"lease_owner": "w", "lease_until_ms": NOW_MS}, 36),
        ({"phase": RunPhase.TOOLS, "tools_deadline_ms": NOW_MS + 60_000}, 61),
        ({"phase": RunPhase.TOOLS, "tools_deadline_ms": NOW_MS - 1}, 35),
        ({"phase": RunPhase.CLIENT}, 601),
        ({"phase": RunPhase.CLIENT, "expires_at": NOW + 2_592_000}, 2_592_001),
        ({"phase": RunPhase.READY, "not_before_ms": NOW_MS + 60_000}, 96),
        ({"phase": RunPhase.READY, "not_before_ms": NOW_MS - 60_000}, 36),
        ({"phase": RunPhase.READY, "expires_at": NOW + 10}, 11),
        ({"phase": RunPhase.READY, "expires_at": NOW - 1}, 35),
    ],
)
def test_a_check_comes_when_the_run_must_have_moved(fields: dict[str, Any], seconds: int) -> None:
    assert next_check_seconds(run_record(**fields), now_ms=NOW_MS) == seconds
