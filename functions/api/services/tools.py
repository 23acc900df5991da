"""Whether the tools of an assistant or a run can be offered to a model together."""

from collections.abc import Mapping, Sequence

from core.errors import InvalidRequest
from core.ids import is_well_formed
from core.schema.actions import ActionRecord
from core.schema.tools import (
    WEB_SEARCH,
    ActionTool,
    FunctionTool,
    NamedToolChoice,
    Tool,
    ToolChoice,
    ToolTypeChoice,
)
from wiring.bootstrap import ClientContext


def check_tools(context: ClientContext, tenant: str, tools: Sequence[Tool]) -> frozenset[str]:
    """Return the names by which a model will know the tools.

    Raises:
        InvalidRequest: an action does not exist, two tools have the same name, or nobody here
            searches the web.
    """
    wanted = {tool.id for tool in tools if isinstance(tool, ActionTool)}
    actions = context.objects.get_actions(tenant, sorted(filter(is_well_formed, wanted)))
    names: set[str] = set()
    for index, tool in enumerate(tools):
        name, field = _name_and_field(context, tool, f"tools[{index}]", actions)
        param = f"tools[{index}].{field}"
        if name in names:
            raise InvalidRequest(
                f"Invalid '{param}': the model would know two tools as '{name}'. "
                "Names of tools must be unique.",
                param=param,
                code="invalid_value",
            )
        names.add(name)
    return frozenset(names)


def _name_and_field(
    context: ClientContext, tool: Tool, place: str, actions: Mapping[str, ActionRecord]
) -> tuple[str, str]:
    """Return a tool's name for the model, and the field of the tool that gives it."""
    if isinstance(tool, FunctionTool):
        return tool.function.name, "function.name"
    if isinstance(tool, ActionTool):
        if tool.id not in actions:
            raise InvalidRequest(
                "There is no action of this id in the project.", param=f"{place}.id"
            )
        return actions[tool.id].wire.name, "id"
    if not context.settings.web_search_provider:
        raise InvalidRequest(
            f"Unsupported value: '{WEB_SEARCH}' needs a search provider, and this deployment has "
            "none. Its operator chooses one with the stack's parameter 'WebSearchProvider'.",
            param=f"{place}.type",
            code="unsupported_value",
        )
    return WEB_SEARCH, "type"


def check_tool_choice(choice: ToolChoice, names: frozenset[str], tools: Sequence[Tool]) -> None:
    """Check that a choice can be followed.

    Args:
        choice: what the run asks for.
        names: by which the model will know the tools.
        tools: the run's.

    Raises:
        InvalidRequest: it forces a tool, but there is none, or not that one.
    """
    if choice == "required" and not names:
        raise InvalidRequest(
            "Invalid value for 'tool_choice': 'required' needs at least one tool.",
            param="tool_choice",
            code="invalid_value",
        )
    if isinstance(choice, NamedToolChoice) and choice.function_name not in names:
        raise InvalidRequest(
            "Invalid value for 'tool_choice.function.name': none of the tools has this name.",
            param="tool_choice.function.name",
            code="invalid_value",
        )
    if isinstance(choice, ToolTypeChoice) and not any(tool.type == choice.type for tool in tools):
        raise InvalidRequest(
            "Invalid value for 'tool_choice.type': none of the tools has this type.",
            param="tool_choice.type",
            code="invalid_value",
        )
