"""Events in the types of the OpenAI SDK."""

from typing import Any

import pytest
from openai.types.beta import assistant_stream_event as sdk
from openai.types.beta.threads import Message
from openai.types.beta.threads.text_delta_block import TextDeltaBlock

from threadrunner_client import Event, as_sdk_event


def event(name: str, data: dict[str, Any]) -> Event:
    return Event("1-0", name, data, "run_1", "thread_1")


def test_a_delta_has_the_sdks_types_all_the_way_down() -> None:
    content = [{"index": 0, "type": "text", "text": {"value": "Hi", "annotations": []}}]
    data = {"id": "msg_1", "object": "thread.message.delta", "delta": {"content": content}}
    came = as_sdk_event(event("thread.message.delta", data))
    assert isinstance(came, sdk.ThreadMessageDelta)
    assert came.data.delta.content is not None
    [block] = came.data.delta.content
    assert isinstance(block, TextDeltaBlock)
    assert block.text is not None
    assert block.text.value == "Hi"


def test_fields_and_tools_that_the_sdk_does_not_know_are_kept() -> None:
    call = {"id": "call_1", "type": "action", "action": {"name": "get_tides", "output": "low"}}
    details = {"type": "tool_calls", "tool_calls": [call]}
    data = {"id": "step_1", "type": "tool_calls", "step_details": details, "news": 1}
    came = as_sdk_event(event("thread.run.step.completed", data))
    assert isinstance(came, sdk.ThreadRunStepCompleted)
    dumped = came.to_dict(warnings=False)
    assert dumped["data"]["news"] == 1  # type: ignore[index]
    assert dumped["data"]["step_details"]["tool_calls"] == [call]  # type: ignore[index]


def test_every_event_of_the_sdk_has_its_own_type() -> None:
    names = {
        "thread.created": sdk.ThreadCreated,
        "thread.run.requires_action": sdk.ThreadRunRequiresAction,
        "thread.run.incomplete": sdk.ThreadRunIncomplete,
        "thread.run.step.delta": sdk.ThreadRunStepDelta,
        "thread.message.incomplete": sdk.ThreadMessageIncomplete,
        "error": sdk.ErrorEvent,
    }
    for name, model in names.items():
        assert type(as_sdk_event(event(name, {}))) is model


def test_a_message_is_one_of_the_sdks() -> None:
    text = {"type": "text", "text": {"value": "Done.", "annotations": []}}
    data = {"id": "msg_1", "role": "assistant", "content": [text], "status": "completed"}
    came = as_sdk_event(event("thread.message.completed", data))
    assert isinstance(came, sdk.ThreadMessageCompleted)
    assert isinstance(came.data, Message)
    assert came.data.content[0].type == "text"


def test_an_event_that_the_sdk_does_not_have_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"The OpenAI SDK has no event 'thread\.moved'"):
        as_sdk_event(event("thread.moved", {}))
