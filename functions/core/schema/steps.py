"""Run steps: a message that was written, or tools that were called."""

from typing import Annotated, Literal

from pydantic import Field

from core.schema.common import WireModel
from core.schema.runs import Usage


class MessageCreation(WireModel):
    """The message that a step wrote."""

    message_id: str


class MessageCreationDetails(WireModel):
    """Details of a step that writes a message."""

    type: Literal["message_creation"] = "message_creation"
    message_creation: MessageCreation


class CalledFunction(WireModel):
    """A call's name, the arguments as the model wrote them, and its output once it is known."""

    name: str
    arguments: str
    output: str | None = None


class FunctionCall(WireModel):
    """A call that the client answers."""

    id: str
    type: Literal["function"] = "function"
    function: CalledFunction


class ActionCall(WireModel):
    """A call that the tool worker carries out."""

    id: str
    type: Literal["action"] = "action"
    action: CalledFunction


ToolCall = Annotated[FunctionCall | ActionCall, Field(discriminator="type")]


class ToolCallsDetails(WireModel):
    """Details of a step that calls tools."""

    type: Literal["tool_calls"] = "tool_calls"
    tool_calls: list[ToolCall]


StepDetails = Annotated[MessageCreationDetails | ToolCallsDetails, Field(discriminator="type")]


class StepError(WireModel):
    """Why a step failed."""

    code: Literal["server_error", "rate_limit_exceeded"]
    message: str


class RunStep(WireModel):
    """A step as clients see it, and as it is stored.

    OpenAI's schema says `expired_at` (when it expired), its examples say `expires_at` (when it
    would): both are sent.
    """

    id: str
    object: Literal["thread.run.step"] = "thread.run.step"
    created_at: int
    run_id: str
    assistant_id: str
    thread_id: str
    type: Literal["message_creation", "tool_calls"]
    status: Literal["in_progress", "cancelled", "failed", "completed", "expired"]
    cancelled_at: int | None = None
    completed_at: int | None = None
    expired_at: int | None = None
    expires_at: int | None = None
    failed_at: int | None = None
    last_error: StepError | None = None
    step_details: StepDetails
    usage: Usage | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
