"""A run's earlier steps as its model reads them: what it said, its calls, and their results."""

import json
import re
from collections.abc import Container, Mapping, Sequence
from typing import Any, Final

from core.call_arguments import BadArguments, read_arguments
from core.message_turns import joined_text
from core.schema.messages import Message
from core.schema.steps import RunStep, ToolCallsDetails

_LONGEST_NAME: Final = 64
_NO_NAME_HAS: Final = re.compile(r"[^a-zA-Z0-9_-]")


def step_turns(
    steps: Sequence[RunStep], own_messages: Mapping[str, Message], late_steps: Container[str] = ()
) -> list[dict[str, Any]]:
    """Return earlier steps as turns: what one answer says beside its calls is the calling turn's.

    The results follow the calls at once, and what was said after these stands before them.

    Args:
        steps: the run's steps, oldest first; only completed ones are told.
        own_messages: the messages that those steps wrote, by id; those that are missing were
            deleted.
        late_steps: ids of the steps that wrote what was said after the calls before them.
    """
    turns: list[dict[str, Any]] = []
    calling: dict[str, Any] = {}
    said: str | None = None
    for step in steps:
        if step.status != "completed":
            continue
        details = step.step_details
        if isinstance(details, ToolCallsDetails):
            calling, *results = _call_turns(details, said)
            turns += [calling, *results]
            said = None
            continue
        message = own_messages.get(details.message_creation.message_id)
        words = joined_text(message) if message else None
        if step.id not in late_steps:
            said = words
        elif words is not None:
            calling["content"] = "\n".join(filter(None, (calling["content"], words)))
    return turns


def _call_turns(details: ToolCallsDetails, said: str | None) -> list[dict[str, Any]]:
    called = [(call, call.called) for call in details.tool_calls]
    asked = {
        "role": "assistant",
        "content": said or None,
        "tool_calls": [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": _told_name(function.name),
                    "arguments": _told_arguments(function.arguments),
                },
            }
            for call, function in called
        ],
    }
    answers = [
        {"role": "tool", "tool_call_id": call.id, "content": function.output or ""}
        for call, function in called
    ]
    return [asked, *answers]


def _told_name(name: str) -> str:
    """Return a name that endpoints take: a tool that a model made up may be called anything.

    A request with another name is refused for good, since the call stays in the run's history.
    """
    return _NO_NAME_HAS.sub("_", name)[:_LONGEST_NAME] or "_"


def _told_arguments(arguments: str) -> str:
    """Return a call's arguments as endpoints take them: a JSON object, whatever the model wrote."""
    try:
        read = read_arguments(arguments)
    except BadArguments:
        return json.dumps({"invalid_arguments": arguments}, ensure_ascii=False)
    return arguments if read else "{}"
