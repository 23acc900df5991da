"""Runs, steps and messages as the core sees them, for tests without any storage."""

from collections import Counter
from typing import Any

from core.records import RunRecord
from core.schema.messages import Message, Text, TextContent
from core.schema.runs import RunConfig
from core.schema.steps import (
    ActionCall,
    CalledFunction,
    FunctionCall,
    MessageCreation,
    MessageCreationDetails,
    RunStep,
    ToolCall,
    ToolCallsDetails,
)
from core.step_planner import InternalTool, Toolbox
from tests.support.world import TENANT, run_config

# The time at which FakeClock stands, in seconds.
NOW = 1_800_000_000
THREAD = "thread_test"
RUN = "run_test"


class CountedIds:
    """Gives `msg_0001`, `msg_0002`, `step_0001`, …: ids that sort in the order of their making."""

    def __init__(self) -> None:
        self._made: Counter[str] = Counter()

    def new(self, prefix: str) -> str:
        """Return the next id of a prefix."""
        self._made[prefix] += 1
        return f"{prefix}_{self._made[prefix]:04}"


def run_record(config: RunConfig | None = None, **fields: Any) -> RunRecord:
    """Return a run that was created just now and expires in ten minutes."""
    defaults: dict[str, Any] = {
        "id": RUN,
        "tenant": TENANT,
        "thread_id": THREAD,
        "config": config or run_config(),
        "created_at": NOW,
        "expires_at": NOW + 600,
    }
    return RunRecord(**(defaults | fields))


def toolbox(*, functions: tuple[str, ...] = (), actions: tuple[str, ...] = ()) -> Toolbox:
    """Return tools by their names; an action may take 30 seconds."""
    internal = {name: InternalTool("action", f'{{"operation":"{name}"}}', 30) for name in actions}
    return Toolbox(frozenset(functions), internal)


def message_step(step_id: str = "step_m", message_id: str = "msg_1", **fields: Any) -> RunStep:
    """Return a step that writes a message."""
    creation = MessageCreation(message_id=message_id)
    return _step(step_id, MessageCreationDetails(message_creation=creation), fields)


def call_step(*calls: ToolCall, step_id: str = "step_t", **fields: Any) -> RunStep:
    """Return a step that calls tools."""
    return _step(step_id, ToolCallsDetails(tool_calls=list(calls)), fields)


def function_call(
    call_id: str, name: str = "f", arguments: str = "{}", output: str | None = None
) -> FunctionCall:
    """Return a call that the client answers."""
    called = CalledFunction(name=name, arguments=arguments, output=output)
    return FunctionCall(id=call_id, function=called)


def action_call(
    call_id: str, name: str = "a", arguments: str = "{}", output: str | None = None
) -> ActionCall:
    """Return a call that the tool worker carries out."""
    called = CalledFunction(name=name, arguments=arguments, output=output)
    return ActionCall(id=call_id, action=called)


def user_message(text: str, message_id: str = "msg_u", **fields: Any) -> Message:
    """Return a user's message."""
    return _message(message_id, "user", text, fields)


def assistant_message(text: str, message_id: str = "msg_a", **fields: Any) -> Message:
    """Return a message that an assistant wrote."""
    return _message(message_id, "assistant", text, fields)


def _message(message_id: str, role: str, text: str, fields: dict[str, Any]) -> Message:
    defaults: dict[str, Any] = {
        "id": message_id,
        "created_at": NOW,
        "thread_id": THREAD,
        "status": "completed",
        "role": role,
        "content": [TextContent(text=Text(value=text))],
    }
    return Message(**(defaults | fields))


def _step(
    step_id: str, details: MessageCreationDetails | ToolCallsDetails, fields: dict[str, Any]
) -> RunStep:
    defaults: dict[str, Any] = {
        "id": step_id,
        "created_at": NOW,
        "run_id": RUN,
        "assistant_id": "asst_test",
        "thread_id": THREAD,
        "type": details.type,
        "status": "in_progress",
        "step_details": details,
    }
    return RunStep(**(defaults | fields))
