"""Messages outlive a deploy: newer ones are read as far as they are understood, or refused."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from core.jobs import (
    TIMER_JOB,
    CallJob,
    CallRef,
    CheckJob,
    DeleteThreadJob,
    FileTtlJob,
    RunTtlJob,
    SettleTask,
    StepJob,
    ThreadTtlJob,
    TimerJob,
    ToolPhase,
    ToolTask,
    WorkerTask,
)

RUN: dict[str, Any] = {"tenant": "proj_1", "thread_id": "thread_1", "run_id": "run_1"}
CALL = RUN | {"step_id": "step_1", "call_id": "call_1"}
THREAD: dict[str, Any] = {"tenant": "proj_1", "thread_id": "thread_1"}
TIMERS: list[TimerJob] = [
    CheckJob(**RUN, watch=2),
    DeleteThreadJob(**THREAD),
    ThreadTtlJob(**THREAD),
    RunTtlJob(**RUN),
    FileTtlJob(tenant="proj_1", file_id="file-1", expires_at=5),
]
JOBS = [
    StepJob(**RUN, step_no=3),
    *TIMERS,
    CallJob(**CALL),
    ToolTask(**CALL, kind="call"),
    SettleTask(**CALL, kind="settle", reason="timeout"),
    ToolPhase(
        **RUN,
        step_no=1,
        step_id="step_1",
        calls=[CallRef(call_id="call_1", timeout_seconds=30)],
        next_step="{}",
    ),
]
WORKER_TASK: TypeAdapter[ToolTask | SettleTask] = TypeAdapter(WorkerTask)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: type(job).__name__)
def test_a_job_survives_its_way_as_text(job: StepJob) -> None:
    assert type(job).model_validate_json(job.model_dump_json()) == job


@pytest.mark.parametrize("job", JOBS, ids=lambda job: type(job).__name__)
def test_what_a_newer_version_adds_is_ignored(job: StepJob) -> None:
    newer = job.model_dump() | {"trace": "1-2-3", "priority": {"level": 9}}
    assert type(job).model_validate(newer) == job


@pytest.mark.parametrize("job", JOBS, ids=lambda job: type(job).__name__)
@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_an_unknown_version_is_refused(job: StepJob, version: object) -> None:
    with pytest.raises(ValidationError, match="v\n"):
        type(job).model_validate(job.model_dump() | {"v": version})


@pytest.mark.parametrize("job", JOBS, ids=lambda job: type(job).__name__)
def test_a_job_names_its_version(job: StepJob) -> None:
    assert job.model_dump()["v"] == 1


@pytest.mark.parametrize("missing", ["tenant", "thread_id", "run_id", "step_no"])
def test_a_job_that_does_not_say_what_it_is_about_is_refused(missing: str) -> None:
    fields = JOBS[0].model_dump()
    del fields[missing]
    with pytest.raises(ValidationError, match=f"{missing}\n"):
        StepJob.model_validate(fields)


def test_the_kind_tells_what_the_tool_worker_shall_do() -> None:
    assert isinstance(WORKER_TASK.validate_python(CALL | {"kind": "call"}), ToolTask)
    settle = WORKER_TASK.validate_python(CALL | {"kind": "settle", "v": 1, "extra": True})
    assert isinstance(settle, SettleTask)
    assert settle.reason == "error"


@pytest.mark.parametrize("kind", ["erase", None])
def test_a_task_of_unknown_kind_is_refused(kind: object) -> None:
    with pytest.raises(ValidationError):
        WORKER_TASK.validate_python(CALL | {"kind": kind})


@pytest.mark.parametrize("job", TIMERS, ids=lambda job: type(job).__name__)
def test_the_kind_tells_what_the_timers_shall_do(job: TimerJob) -> None:
    assert TIMER_JOB.validate_json(job.model_dump_json()) == job
    assert TIMER_JOB.validate_python(job) == job
    assert len({other.kind for other in TIMERS}) == len(TIMERS)


def test_a_message_without_a_kind_is_a_check() -> None:
    old = CheckJob(**RUN, watch=2).model_dump(exclude={"kind"})
    assert TIMER_JOB.validate_python(old) == CheckJob(**RUN, watch=2)


@pytest.mark.parametrize("kind", ["erase", None, 7])
def test_a_timers_job_of_unknown_kind_is_refused(kind: object) -> None:
    with pytest.raises(ValidationError):
        TIMER_JOB.validate_python(RUN | {"watch": 1, "kind": kind})
