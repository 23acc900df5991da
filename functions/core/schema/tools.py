"""Tools that an assistant or a run may offer to the model, and how the model may choose."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from core.schema.common import RequestModel

MAX_ASSISTANT_TOOLS = 128
MAX_RUN_TOOLS = 20

FunctionName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class FunctionDefinition(RequestModel):
    """A function as the client describes it; `parameters` is a JSON schema."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionTool(RequestModel):
    """A function that the client itself calls when the run asks for it."""

    type: Literal["function"]
    function: FunctionDefinition


class ActionTool(RequestModel):
    """An operation of a registered OpenAPI document, called by the tool worker."""

    type: Literal["action"]
    id: str


Tool = Annotated[FunctionTool | ActionTool, Field(discriminator="type")]


class NamedFunction(RequestModel):
    """The name of a function that the model must call."""

    name: str


class NamedToolChoice(RequestModel):
    """Forces one function."""

    type: Literal["function"]
    function: NamedFunction


ToolChoice = Literal["none", "auto", "required"] | NamedToolChoice


def dump_tools(tools: list[FunctionTool | ActionTool]) -> list[dict[str, Any]]:
    """Return tools as JSON objects, without the fields that were not given."""
    return [tool.model_dump(mode="json", exclude_none=True) for tool in tools]
