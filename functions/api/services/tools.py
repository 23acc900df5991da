"""Whether the tools of an assistant or a run can be offered to a model together."""

from collections.abc import Sequence

from core.errors import InvalidRequest
from core.ids import is_well_formed
from core.schema.tools import ActionTool, FunctionTool, NamedToolChoice, ToolChoice
from wiring.bootstrap import ApiContext


def check_tools(
    context: ApiContext, tenant: str, tools: Sequence[FunctionTool | ActionTool]
) -> frozenset[str]:
    """Return the names by which a model will know the tools.

    Raises:
        InvalidRequest: an action does not exist, or two tools have the same name.
    """
    wanted = {tool.id for tool in tools if isinstance(tool, ActionTool)}
    actions = context.objects.get_actions(tenant, sorted(filter(is_well_formed, wanted)))
    names: set[str] = set()
    for index, tool in enumerate(tools):
        if isinstance(tool, FunctionTool):
            name, param = tool.function.name, f"tools[{index}].function.name"
        else:
            param = f"tools[{index}].id"
            if tool.id not in actions:
                raise InvalidRequest("There is no action of this id in the project.", param=param)
            name = actions[tool.id].wire.name
        if name in names:
            raise InvalidRequest(
                f"Invalid '{param}': the model would know two tools as '{name}'. "
                "Names of tools must be unique.",
                param=param,
                code="invalid_value",
            )
        names.add(name)
    return frozenset(names)


def check_tool_choice(choice: ToolChoice, names: frozenset[str]) -> None:
    """Check that a choice can be followed.

    Raises:
        InvalidRequest: it forces a tool, but there is none, or not that one.
    """
    if choice == "required" and not names:
        raise InvalidRequest(
            "Invalid value for 'tool_choice': 'required' needs at least one tool.",
            param="tool_choice",
            code="invalid_value",
        )
    if isinstance(choice, NamedToolChoice) and choice.function.name not in names:
        raise InvalidRequest(
            "Invalid value for 'tool_choice.function.name': none of the tools has this name.",
            param="tool_choice.function.name",
            code="invalid_value",
        )
