"""Runs: an assistant working on a thread."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from core.memory import Memory
from core.schema.assistants import Instructions, Temperature, TopP
from core.schema.authentication import Authentication
from core.schema.common import Metadata, RequestModel, WireModel
from core.schema.formats import ReasoningEffort, ResponseFormat
from core.schema.messages import CreateMessage
from core.schema.models import ModelName
from core.schema.resources import ToolResourcesRequest
from core.schema.threads import CreateThread, TtlSeconds
from core.schema.tools import MAX_RUN_TOOLS, Tool, ToolChoice

T = TypeVar("T")
RunStatus = Literal[
    "queued",
    "in_progress",
    "requires_action",
    "cancelling",
    "cancelled",
    "failed",
    "completed",
    "incomplete",
    "expired",
]
RunErrorCode = Literal["server_error", "rate_limit_exceeded", "invalid_prompt"]
TokenLimit = Annotated[int, Field(ge=256)]
# Extensions: waiting costs nothing here, so a run may wait for days.
ExpirySeconds = Annotated[int, Field(ge=10, le=2_592_000)]
MultitaskStrategy = Literal["reject", "enqueue", "interrupt"]


class Usage(WireModel):
    """Tokens as the model counted them, summed over the run's steps."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            total_tokens=self.total_tokens + other.total_tokens,
        )


class RunError(WireModel):
    """Why a run failed."""

    code: RunErrorCode
    message: str


class RunIncompleteDetails(WireModel):
    """Why a run ended before its answer was whole."""

    reason: Literal["max_completion_tokens", "max_prompt_tokens"] | None = None


class TruncationStrategy(RequestModel):
    """How the thread is cut to fit the model's window."""

    type: Literal["auto", "last_messages"]
    last_messages: Annotated[int, Field(ge=1)] | None = None


class RequiredFunction(WireModel):
    """A function and its arguments as the model wrote them."""

    name: str
    arguments: str


class RequiredToolCall(WireModel):
    """A call that the client must answer."""

    id: str
    type: Literal["function"] = "function"
    function: RequiredFunction


class SubmitToolOutputsAction(WireModel):
    """The calls that the client must answer."""

    tool_calls: list[RequiredToolCall]


class RequiredAction(WireModel):
    """What the run waits for."""

    type: Literal["submit_tool_outputs"] = "submit_tool_outputs"
    submit_tool_outputs: SubmitToolOutputsAction


class RunRequest(WireModel):
    """What a run was asked to do, as clients see it: fixed at its creation, save the metadata."""

    assistant_id: str
    model: str
    instructions: str
    tools: list[Tool]
    metadata: dict[str, str]
    temperature: float | None
    top_p: float | None
    max_prompt_tokens: int | None
    max_completion_tokens: int | None
    truncation_strategy: TruncationStrategy
    tool_choice: ToolChoice
    parallel_tool_calls: bool
    response_format: ResponseFormat


class Run(RunRequest):
    """A run as clients see it: every required field is there, null where it has no value."""

    id: str
    object: Literal["thread.run"] = "thread.run"
    created_at: int
    thread_id: str
    status: RunStatus
    required_action: RequiredAction | None
    last_error: RunError | None
    expires_at: int | None
    started_at: int | None
    cancelled_at: int | None
    failed_at: int | None
    completed_at: int | None
    incomplete_details: RunIncompleteDetails | None
    usage: Usage | None


class RunConfig(RunRequest):
    """What a run was asked to do, as it is stored: OpenAI's object does not show all of it.

    Attributes:
        memory: the assistant's memory strategy when the run was created.
        model_params: further parameters of the model; those that the run gave itself are left out.
    """

    reasoning_effort: ReasoningEffort | None
    memory: Memory | None = None
    model_params: dict[str, Any] = Field(default_factory=dict)


class RunExtras(RequestModel):
    """What a run may be given beyond OpenAI's API.

    Attributes:
        action_authentications: by the action's id, for this run only.
        model_params: for the model, beyond those that have a field of their own.
    """

    action_authentications: dict[str, Authentication] | None = Field(default=None, repr=False)
    model_params: dict[str, Any] | None = None


class StreamOptions(RequestModel):
    """What a stream shall tell besides; the usage stands in a step's and a run's last events."""

    include_usage: bool | None = None


class RunParameters(RunExtras):
    """What a run may be asked to do, whether its thread is there or is made with it.

    The extras may stand at the top, where the SDK's `extra_body=` puts them, or in a field of that
    name, where other clients do. What stands at both places counts at the top.

    Attributes:
        expires_after_seconds: an extension: when the run expires, counted from its creation.
        ttl_seconds: an extension: when the run is deleted, with its steps, counted from its end.
    """

    assistant_id: str
    model: ModelName | None = None
    instructions: Instructions | None = None
    tools: Annotated[list[Tool], Field(max_length=MAX_RUN_TOOLS)] | None = None
    metadata: Metadata | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_prompt_tokens: TokenLimit | None = None
    max_completion_tokens: TokenLimit | None = None
    truncation_strategy: TruncationStrategy | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: ReasoningEffort | None = None
    expires_after_seconds: ExpirySeconds | None = None
    ttl_seconds: TtlSeconds | None = None
    extra_body: RunExtras | None = Field(default=None, repr=False)

    @property
    def extras(self) -> RunExtras:
        """The extras from both places."""
        nested = self.extra_body or RunExtras()
        return RunExtras.model_construct(
            action_authentications=_first(
                self.action_authentications, nested.action_authentications
            ),
            model_params=_first(self.model_params, nested.model_params),
        )


class CreateRun(RunParameters):
    """The body of `POST /v1/threads/{thread_id}/runs`.

    Attributes:
        multitask_strategy: an extension: what happens if a run is active on the thread. The new one
            is refused (`reject`, the default), waits until those before it have ended (`enqueue`),
            or has them cancelled (`interrupt`).
    """

    additional_instructions: Instructions | None = None
    additional_messages: list[CreateMessage] | None = None
    multitask_strategy: MultitaskStrategy | None = None


class CreateThreadAndRun(RunParameters):
    """The body of `POST /v1/threads/runs`; without a thread, an empty one is made."""

    thread: CreateThread | None = None
    tool_resources: ToolResourcesRequest | None = None


def _first(top: dict[str, T] | None, nested: dict[str, T] | None) -> dict[str, T] | None:
    return nested if top is None else top


class ToolOutput(RequestModel):
    """A client's answer to one call."""

    tool_call_id: str
    output: str = ""


class SubmitToolOutputs(RequestModel):
    """The body of `POST …/submit_tool_outputs`."""

    tool_outputs: list[ToolOutput]
    stream: bool | None = None
