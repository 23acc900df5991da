"""Messages between the parts: versioned, because messages in flight outlive a deploy.

v1: the first shape. The timers queue's messages name their kind; one that does not is a check.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag, TypeAdapter

from core.schema.common import WireModel


class TenantJob(WireModel):
    """What every message names: whose it is."""

    model_config = ConfigDict(extra="ignore")

    v: Literal[1] = 1
    tenant: str


class ThreadJob(TenantJob):
    """Names a thread."""

    thread_id: str


class Job(ThreadJob):
    """Names a thread and its run."""

    run_id: str


class StepJob(Job):
    """Steps queue: carry out this step of this run."""

    step_no: int


class CheckJob(Job):
    """Timers queue: is this run still moving?

    Attributes:
        watch: the check's number; the run names the one that is responsible for it.
    """

    kind: Literal["check"] = "check"
    watch: int


class DeleteThreadJob(ThreadJob):
    """Timers queue: delete a thread that is marked as deleted, with all that hangs on it."""

    kind: Literal["delete_thread"] = "delete_thread"


class ThreadTtlJob(ThreadJob):
    """Timers queue: has this thread lain idle for its time to live?"""

    kind: Literal["thread_ttl"] = "thread_ttl"


class RunTtlJob(Job):
    """Timers queue: did this run end its time to live ago?"""

    kind: Literal["run_ttl"] = "run_ttl"


class FileTtlJob(TenantJob):
    """Timers queue: a file's time is over.

    Attributes:
        expires_at: when it is, in unix seconds.
    """

    kind: Literal["file_ttl"] = "file_ttl"
    file_id: str
    expires_at: int


def _kind(job: Any) -> Any:
    """Return what tells the timers queue's messages apart; the first of them did not say it."""
    if isinstance(job, dict):
        return job.get("kind", "check")
    return getattr(job, "kind", None)


TimerJob = Annotated[
    Annotated[CheckJob, Tag("check")]
    | Annotated[DeleteThreadJob, Tag("delete_thread")]
    | Annotated[ThreadTtlJob, Tag("thread_ttl")]
    | Annotated[RunTtlJob, Tag("run_ttl")]
    | Annotated[FileTtlJob, Tag("file_ttl")],
    Discriminator(_kind),
]
TIMER_JOB: Final[TypeAdapter[TimerJob]] = TypeAdapter(TimerJob)


class CallJob(Job):
    """Names one tool call of a run's step."""

    step_id: str
    call_id: str


class ToolTask(CallJob):
    """State machine to tool worker: carry out one call."""

    kind: Literal["call"]


class SettleTask(CallJob):
    """State machine to tool worker: the call was not carried out; answer it with an error."""

    kind: Literal["settle"]
    reason: Literal["timeout", "error"] = "error"


WorkerTask = Annotated[ToolTask | SettleTask, Field(discriminator="kind")]


class CallRef(WireModel):
    """A call in the state machine's input."""

    call_id: str
    timeout_seconds: int


class ToolPhase(Job):
    """The state machine's input: the calls of a step, and the message that resumes the run."""

    step_no: int
    step_id: str
    calls: list[CallRef]
    next_step: str
