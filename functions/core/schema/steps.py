"""Run steps: a message that was written, or tools that were called."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, TypeAdapter

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


InternalToolType = Literal["action", "web_search"]
ToolCallType = Literal["function"] | InternalToolType


class _Call(WireModel):
    """A call, shown under its tool's type: `{"id", "type": "action", "action": {…}}`."""

    id: str
    type: str

    @property
    def called(self) -> CalledFunction:
        """What was called, and what came of it."""
        called: CalledFunction = getattr(self, self.type)
        return called

    def with_output(self, output: str) -> Self:
        """Return the call with its output."""
        called = self.called.model_copy(update={"output": output})
        return self.model_copy(update={self.type: called})


class FunctionCall(_Call):
    """A call that the client answers."""

    type: Literal["function"] = "function"
    function: CalledFunction


class ActionCall(_Call):
    """A call of an action, which the tool worker carries out."""

    type: Literal["action"] = "action"
    action: CalledFunction


class WebSearchCall(_Call):
    """A web search, which the tool worker carries out."""

    type: Literal["web_search"] = "web_search"
    web_search: CalledFunction


ToolCall = Annotated[FunctionCall | ActionCall | WebSearchCall, Field(discriminator="type")]
_TOOL_CALL: Final[TypeAdapter[ToolCall]] = TypeAdapter(ToolCall)


def tool_call(kind: ToolCallType, call_id: str, called: CalledFunction) -> ToolCall:
    """Return a call as it stands in a step's details."""
    return _TOOL_CALL.validate_python({"id": call_id, "type": kind, kind: called})


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
