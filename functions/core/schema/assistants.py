"""Assistants: a model, instructions and tools under a name."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from core.memory import as_texts
from core.schema.common import Metadata, RequestModel, WireModel
from core.schema.formats import ReasoningEffort, ResponseFormat
from core.schema.models import ModelName
from core.schema.resources import ToolResources, ToolResourcesRequest
from core.schema.tools import MAX_ASSISTANT_TOOLS, Tool

Instructions = Annotated[str, StringConstraints(max_length=256_000)]
Temperature = Annotated[float, Field(ge=0, le=2)]
TopP = Annotated[float, Field(ge=0, le=1)]

# `memory` may be an object; it is stored and shown as JSON text, like all metadata.
AssistantMetadata = Annotated[Metadata, BeforeValidator(as_texts)]


class Assistant(WireModel):
    """An assistant as clients see it."""

    id: str
    object: Literal["assistant"] = "assistant"
    created_at: int
    name: str | None
    description: str | None
    model: str
    instructions: str | None
    tools: list[Tool]
    tool_resources: ToolResources | None = None
    metadata: dict[str, str]
    temperature: float | None
    top_p: float | None
    response_format: ResponseFormat | None


class AssistantRecord(WireModel):
    """An assistant as it is stored: OpenAI's object does not show `reasoning_effort`."""

    wire: Assistant
    reasoning_effort: ReasoningEffort | None


class AssistantFields(RequestModel):
    """What may be said of an assistant, when it is made and later on."""

    name: Annotated[str, StringConstraints(max_length=256)] | None = None
    description: Annotated[str, StringConstraints(max_length=512)] | None = None
    instructions: Instructions | None = None
    tools: Annotated[list[Tool], Field(max_length=MAX_ASSISTANT_TOOLS)] | None = None
    metadata: AssistantMetadata | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: ReasoningEffort | None = None


class CreateAssistant(AssistantFields):
    """The body of `POST /v1/assistants`."""

    model: ModelName
    tool_resources: ToolResourcesRequest | None = None


class ModifyAssistant(AssistantFields):
    """The body of `POST /v1/assistants/{assistant_id}`: what it does not name stays as it is."""

    model: ModelName | None = None
    tool_resources: ToolResources | None = None
