"""Messages between the parts: versioned, because messages in flight outlive a deploy.

v1: the first shape.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from core.schema.common import WireModel


class Job(WireModel):
    """What every message names: the tenant, the thread and the run."""

    model_config = ConfigDict(extra="ignore")

    v: Literal[1] = 1
    tenant: str
    thread_id: str
    run_id: str


class StepJob(Job):
    """Steps queue: carry out this step of this run."""

    step_no: int


class CheckJob(Job):
    """Timers queue: is this run still moving?

    Attributes:
        watch: the check's number; the run names the one that is responsible for it.
    """

    watch: int


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
