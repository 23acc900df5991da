"""The events of one run as a server tells them: a function's call, and an answer in two pieces."""

from typing import Any

from threadrunner_client import Event

RUN = "run_1"
THREAD = "thread_1"
STEP, CALL, MESSAGE = "step_1", "call_1", "msg_1"


def _event(number: int, name: str, data: dict[str, Any]) -> Event:
    return Event(f"1-{number}", name, data, RUN, THREAD)


def _run(status: str) -> dict[str, Any]:
    return {"id": RUN, "object": "thread.run", "thread_id": THREAD, "status": status}


def _step(number: int, status: str, details: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"step_{number}",
        "object": "thread.run.step",
        "run_id": RUN,
        "status": status,
        "type": details["type"],
        "step_details": details,
    }


def _call(arguments: str) -> dict[str, Any]:
    function = {"name": "look", "arguments": arguments, "output": None}
    return {"id": CALL, "type": "function", "function": function}


def _call_delta(**call: Any) -> dict[str, Any]:
    details = {"type": "tool_calls", "tool_calls": [{"index": 0, "type": "function", **call}]}
    return {"id": STEP, "object": "thread.run.step.delta", "delta": {"step_details": details}}


def _message(status: str, *texts: str) -> dict[str, Any]:
    content = [{"type": "text", "text": {"value": text, "annotations": []}} for text in texts]
    return {
        "id": MESSAGE,
        "object": "thread.message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def _text_delta(text: str) -> dict[str, Any]:
    content = [{"index": 0, "type": "text", "text": {"value": text, "annotations": []}}]
    return {"id": MESSAGE, "object": "thread.message.delta", "delta": {"content": content}}


def _number(start: int, *entries: tuple[str, dict[str, Any]]) -> list[Event]:
    return [
        _event(number, f"thread.{name}", data) for number, (name, data) in enumerate(entries, start)
    ]


_CALLS: dict[str, Any] = {"type": "tool_calls", "tool_calls": []}
_CREATION: dict[str, Any] = {
    "type": "message_creation",
    "message_creation": {"message_id": MESSAGE},
}

BEFORE_OUTPUTS = _number(
    0,
    ("run.created", _run("queued")),
    ("run.in_progress", _run("in_progress")),
    ("run.step.created", _step(1, "in_progress", _CALLS)),
    ("run.step.in_progress", _step(1, "in_progress", _CALLS)),
    ("run.step.delta", _call_delta(id=CALL, function={"name": "look", "arguments": ""})),
    ("run.step.delta", _call_delta(function={"arguments": '{"up"'})),
    ("run.step.delta", _call_delta(function={"arguments": ": 1}"})),
    ("run.requires_action", _run("requires_action")),
)
AFTER_OUTPUTS = _number(
    len(BEFORE_OUTPUTS),
    ("run.queued", _run("queued")),
    ("run.in_progress", _run("in_progress")),
    (
        "run.step.completed",
        _step(1, "completed", {"type": "tool_calls", "tool_calls": [_call('{"up": 1}')]}),
    ),
    ("run.step.created", _step(2, "in_progress", _CREATION)),
    ("message.created", _message("in_progress")),
    ("message.in_progress", _message("in_progress")),
    ("message.delta", _text_delta("Clear")),
    ("message.delta", _text_delta(" skies.")),
    ("message.completed", _message("completed", "Clear skies.")),
    ("run.step.completed", _step(2, "completed", _CREATION)),
    ("run.completed", _run("completed")),
)
