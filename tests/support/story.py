"""What became of a run: its steps in one line each, once the strictest client has followed it."""

import json
import re
from typing import Any

from core.paging import PageQuery
from core.records import RunRecord
from core.schema.messages import Message, RefusalContent, TextContent
from core.schema.steps import MessageCreationDetails, RunStep, ToolCallsDetails
from tests.support.world import TENANT, World
from tests.unit.core.event_reader import EventReader

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def story_of(world: World, run: RunRecord) -> list[str]:
    """Return a run's steps, one line each, such as `message: Hello` or `calls: function f({}) = x`.

    What ended otherwise than as completed says so in brackets.

    Raises:
        AssertionError: the events cannot be followed, or tell something else than the records.
    """
    run = world.get(run)
    reader = EventReader()
    for _, event in world.events(run):
        reader.read(event)
    assert reader.run == run.to_wire().status
    steps = world.runner.objects.all_steps(TENANT, run.id)
    written = world.runner.messages.list(TENANT, run.thread_id, PageQuery(limit=100)).data
    messages = {message.id: message for message in written if message.run_id == run.id}
    records: list[RunStep | Message] = [*steps, *messages.values()]
    for record in records:
        reader.check_record(record)
    ids = [call["id"] for calls in reader.calls.values() for call in calls]
    assert all(ids), "a call without an id"
    assert all(
        len({call["id"] for call in calls}) == len(calls) for calls in reader.calls.values()
    ), "two calls of a step have the same id"
    free = world.runner.threads.active_run(TENANT, run.thread_id) != run.id
    assert free == run.ended
    return [_step_line(step, messages) for step in steps]


def check_request(body: dict[str, Any]) -> None:
    """Fail unless the strictest endpoint takes a request: every call has one result, in its place.

    Raises:
        AssertionError: it would not.
    """
    waiting: list[str] = []
    assert body["messages"], "nothing is asked"
    for turn in body["messages"]:
        if turn["role"] == "tool":
            assert waiting, "a result without a call"
            assert turn["tool_call_id"] == waiting.pop(0)
            continue
        assert not waiting, "a call without a result"
        assert turn["content"] or turn.get("tool_calls"), f"an empty turn of the {turn['role']}"
        for call in turn.get("tool_calls", ()):
            waiting.append(call["id"])
            assert _NAME.fullmatch(call["function"]["name"])
            assert isinstance(json.loads(call["function"]["arguments"]), dict)
    assert not waiting


def _step_line(step: RunStep, messages: dict[str, Message]) -> str:
    details = step.step_details
    if isinstance(details, ToolCallsDetails):
        calls = [_call_text(call.model_dump()) for call in details.tool_calls]
        return f"calls{_otherwise(step.status)}: {'; '.join(calls)}"
    assert isinstance(details, MessageCreationDetails)
    message = messages[details.message_creation.message_id]
    reason = message.incomplete_details.reason if message.incomplete_details else ""
    ended = [reason or message.status, step.status]
    text = " / ".join(_part_text(part) for part in message.content)
    return f"message{_otherwise(*ended)}: {text}"


def _otherwise(*words: str) -> str:
    told = [word for word in words if word != "completed"]
    return f" [{', '.join(told)}]" if told else ""


def _part_text(part: object) -> str:
    if isinstance(part, RefusalContent):
        return f"({part.refusal})"
    assert isinstance(part, TextContent)
    return part.text.value


def _call_text(call: dict[str, Any]) -> str:
    called = call[call["type"]]
    output = "" if called["output"] is None else f" = {called['output']}"
    return f"{call['type']} {called['name']}({called['arguments']}){output}"
