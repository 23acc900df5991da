"""What follows a model turn. The planner decides; the runner carries it out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from core.call_arguments import BadArguments, read_arguments
from core.call_assembler import ModelCall
from core.schema.runs import RunError
from core.schema.steps import InternalToolType, ToolCallType
from core.turn_assembler import Turn

MAX_INTERNAL_CALLS = 64  # each is an item of the commit's transaction, which takes 100
MAX_BAD_CALLS = 8


@dataclass(frozen=True, slots=True)
class InternalTool:
    """A tool that the tool worker runs.

    Attributes:
        tool_type: the registry's name of the tool.
        configuration: what the tool needs beyond the arguments, as JSON text.
        timeout_seconds: how long one call may take.
        tool_id: of the tool's own record, if it has one: the action's.
    """

    tool_type: InternalToolType
    configuration: str
    timeout_seconds: int
    tool_id: str | None = None


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools that a turn could call, by the name that the model knows."""

    functions: frozenset[str]
    internal: Mapping[str, InternalTool]

    def type_of(self, name: str) -> ToolCallType:
        """Return the type under which a call of this name is shown; unknown ones are functions."""
        tool = self.internal.get(name)
        return "function" if tool is None else tool.tool_type


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """A call that cannot be carried out; the model reads why as the call's output."""

    call: ModelCall
    output: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The answer is whole: the run is complete."""


@dataclass(frozen=True, slots=True)
class CutShort:
    """The model stopped before the answer was whole."""

    message_reason: Literal["max_tokens", "content_filter"]


@dataclass(frozen=True, slots=True)
class CallTools:
    """The turn calls tools: the internal ones run first, then the client is asked, then goes on.

    With neither internal nor external calls (all were refused) the next step follows at once.
    """

    internal: tuple[ModelCall, ...]
    external: tuple[ModelCall, ...]
    refused: tuple[RefusedCall, ...]


@dataclass(frozen=True, slots=True)
class Fail:
    """The run cannot go on."""

    error: RunError


NextStep = Finish | CutShort | CallTools | Fail


def plan(turn: Turn, toolbox: Toolbox, *, bad_calls: int, calls_allowed: bool) -> NextStep:
    """Decide what follows a turn.

    Args:
        turn: what the model answered.
        toolbox: what it could call.
        bad_calls: calls of this run so far that had to be refused.
        calls_allowed: False in the step that must end in words.
    """
    if turn.finish_reason == "length":
        return CutShort("max_tokens")
    if turn.finish_reason == "content_filter":
        return CutShort("content_filter")
    if not turn.calls:
        return Finish()
    if not calls_allowed:
        return Fail(
            RunError(
                code="server_error",
                message="The model called tools in the step that had to end the run in words.",
            )
        )
    return _sort_calls(turn.calls, toolbox, bad_calls)


def _sort_calls(calls: tuple[ModelCall, ...], toolbox: Toolbox, bad_calls: int) -> NextStep:
    internal: list[ModelCall] = []
    external: list[ModelCall] = []
    refused: list[RefusedCall] = []
    for call in calls:
        if call.name in toolbox.functions:
            external.append(call)
            continue
        objection = _objection(call, toolbox, len(internal))
        if objection is None:
            internal.append(call)
        else:
            refused.append(RefusedCall(call, json.dumps({"error": objection})))
    if bad_calls + len(refused) > MAX_BAD_CALLS:
        return Fail(
            RunError(
                code="server_error",
                message=f"The model made more than {MAX_BAD_CALLS} tool calls that cannot be "
                "carried out (unknown tools or arguments that are not JSON objects).",
            )
        )
    return CallTools(tuple(internal), tuple(external), tuple(refused))


def _objection(call: ModelCall, toolbox: Toolbox, accepted: int) -> str | None:
    if call.name not in toolbox.internal:
        known = sorted([*toolbox.functions, *toolbox.internal])
        return f"There is no tool {call.name!r}. The tools are: {', '.join(known) or 'none'}."
    try:
        read_arguments(call.arguments)
    except BadArguments as error:
        return f"{error} Call the tool again with one JSON object."
    if accepted >= MAX_INTERNAL_CALLS:
        return f"At most {MAX_INTERNAL_CALLS} calls can be carried out at once. Call it again."
    return None
