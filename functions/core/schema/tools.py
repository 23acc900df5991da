"""Tools that an assistant or a run may offer to the model, and how the model may choose."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from core.schema.common import RequestModel

MAX_ASSISTANT_TOOLS = 128
MAX_RUN_TOOLS = 20
MAX_SEARCH_RESULTS = 20
MAX_SEARCH_DOMAINS = 20
WEB_SEARCH: Final = "web_search"

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


def _is_none(value: object) -> bool:
    return value is None


_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HostName = Annotated[str, StringConstraints(pattern=rf"^({_LABEL}\.)+{_LABEL}$", max_length=253)]
Domains = Annotated[list[HostName], Field(min_length=1, max_length=MAX_SEARCH_DOMAINS)]


class WebSearchTool(RequestModel):
    """A search of the web, carried out by the tool worker with the provider of the deployment.

    Shown as it was given: a field that was left out stays out.

    Attributes:
        max_results: the most results that a search tells the model; 5 if it is not given.
        allowed_domains: results come from these and their subdomains only.
        blocked_domains: no result comes from these or their subdomains.
    """

    type: Literal["web_search"]
    max_results: Annotated[int, Field(ge=1, le=MAX_SEARCH_RESULTS)] | None = Field(
        default=None, exclude_if=_is_none
    )
    allowed_domains: Domains | None = Field(default=None, exclude_if=_is_none)
    blocked_domains: Domains | None = Field(default=None, exclude_if=_is_none)

    @model_validator(mode="after")
    def _one_list_at_most(self) -> Self:
        if self.allowed_domains is not None and self.blocked_domains is not None:
            raise ValueError("give 'allowed_domains' or 'blocked_domains', not both.")
        return self


Tool = Annotated[FunctionTool | ActionTool | WebSearchTool, Field(discriminator="type")]


class NamedFunction(RequestModel):
    """The name of a function that the model must call."""

    name: str


class NamedToolChoice(RequestModel):
    """Forces one function."""

    type: Literal["function"]
    function: NamedFunction

    @property
    def function_name(self) -> str:
        """The name of the function that the model must call."""
        return self.function.name


class ToolTypeChoice(RequestModel):
    """Forces the one tool of a type."""

    type: Literal["web_search"]

    @property
    def function_name(self) -> str:
        """The name by which the model knows the tool: that of its type."""
        return self.type


ToolChoice = (
    Literal["none", "auto", "required"]
    | Annotated[NamedToolChoice | ToolTypeChoice, Field(discriminator="type")]
)
