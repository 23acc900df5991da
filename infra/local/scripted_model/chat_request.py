"""The body of `POST /v1/chat/completions`, as far as the scripted model reads it.

Parameters that it has no use for (`temperature`, `top_p`, `seed`, …) are accepted and ignored.
"""

import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.local.scripted_model.errors import ApiError, describe_failure

ToolName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
Role = Literal["system", "developer", "user", "assistant", "tool"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class ContentPart(_Part):
    """One part of a message's content; only text is read."""

    type: str
    text: str = ""


class CalledFunction(_Part):
    """The function of an earlier tool call."""

    name: str
    arguments: str


class EarlierCall(_Part):
    """A tool call that an assistant message of the request holds."""

    id: str
    function: CalledFunction


class Message(_Part):
    """A message of the conversation."""

    role: Role
    content: str | list[ContentPart] | None = None
    tool_calls: list[EarlierCall] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """The text of the message, its parts joined."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class OfferedFunction(_Part):
    """A function that the model may call."""

    name: ToolName
    parameters: dict[str, object] | None = None


class OfferedTool(_Part):
    """A tool that the model may call."""

    type: Literal["function"]
    function: OfferedFunction


class NamedFunction(_Part):
    """The name of a function, in a tool choice."""

    name: str


class ForcedTool(_Part):
    """A tool choice that names the function to call."""

    type: Literal["function"]
    function: NamedFunction


class StreamOptions(_Part):
    """Options of a streamed answer."""

    include_usage: bool = False


class ResponseFormat(_Part):
    """The form that the answer must have."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: dict[str, object] | None = None


class ChatRequest(_Part):
    """A request for a chat completion."""

    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[Message], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[OfferedTool] | None = None
    tool_choice: Literal["none", "auto", "required"] | ForcedTool | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    n: Literal[1] | None = None

    @property
    def offered(self) -> dict[str, OfferedFunction]:
        """The functions that the model may call, by name."""
        return {tool.function.name: tool.function for tool in self.tools or ()}

    @property
    def token_limit(self) -> int | None:
        """How many tokens the answer may have."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def wants_usage(self) -> bool:
        """Whether a streamed answer must end with a chunk that holds the usage."""
        return self.stream_options is not None and self.stream_options.include_usage


def parse_request(raw: bytes) -> ChatRequest:
    """Read a request's body.

    Args:
        raw: The body as it was received.

    Raises:
        ApiError: With status 400, if the body is not JSON, lacks something or contradicts itself.
    """
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        raise ApiError(400, "We could not parse the JSON body of your request.") from None
    try:
        request = ChatRequest.model_validate(document)
    except ValidationError as error:
        reason, place = describe_failure(error, document)
        where = f"{place!r}" if place else "the request"
        raise ApiError(400, f"Invalid {where}: {reason}.", param=place or None) from None
    if isinstance(request.tool_choice, ForcedTool):
        name = request.tool_choice.function.name
        if name not in request.offered:
            message = f"Tool choice 'function.name' {name!r} not found in 'tools' parameter."
            raise ApiError(400, message, param="tool_choice")
    return request
