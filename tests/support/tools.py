"""A tool that a test scripts, and an action that calls it."""

from collections.abc import Callable

from core.schema.actions import Action, ActionRecord
from core.schema.tools import ActionTool
from tests.support.world import TENANT, World
from tool_worker.registry import ToolCallInput, ToolOutput, ToolRegistry


class ScriptedTool:
    """Does what a test says, and remembers what it was asked.

    Attributes:
        calls: what it was asked, in order.
        act: what it does; by default it echoes its arguments.
    """

    def __init__(self, act: Callable[[ToolCallInput], ToolOutput] | None = None) -> None:
        self.calls: list[ToolCallInput] = []
        self.act = act or (lambda call: ToolOutput(f"echo {call.arguments}"))

    def run(self, call: ToolCallInput) -> ToolOutput:
        """Remember the call and act."""
        self.calls.append(call)
        return self.act(call)


def offer_action(world: World, name: str, tool: ScriptedTool) -> ActionTool:
    """Register an action of this name that the scripted tool carries out; return the tool."""
    action_id = world.runner.ids.new("action")
    wire = Action(
        id=action_id,
        created_at=world.clock() // 1000,
        name=name,
        description="Does something.",
        method="GET",
        server_url="https://service.example",
        path=f"/{name}",
        parameters={"type": "object", "properties": {}},
        metadata={},
    )
    world.runner.objects.create_actions(TENANT, [ActionRecord(wire=wire, operation="{}")])
    world.tools = ToolRegistry({"action": tool})
    return ActionTool(type="action", id=action_id)
