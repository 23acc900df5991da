"""What the scripted model refuses in a request, and how it reads the conversation."""

import json
from typing import Any

import pytest

from infra.local.scripted_model.chat_request import ChatRequest, Message, parse_request
from infra.local.scripted_model.conversation import ToolResult, check_order, read_exchange
from infra.local.scripted_model.errors import ApiError

USER = {"role": "user", "content": "Hi"}
TOOL = {"type": "function", "function": {"name": "f"}}


def read(**fields: Any) -> ChatRequest:
    return parse_request(json.dumps({"model": "m", "messages": [USER], **fields}).encode())


def refusal(raw: bytes) -> ApiError:
    with pytest.raises(ApiError) as caught:
        parse_request(raw)
    return caught.value


def calling(*ids: str) -> dict[str, Any]:
    function = {"name": "f", "arguments": "{}"}
    calls = [{"id": id_, "type": "function", "function": function} for id_ in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(id_: str, content: str = "done") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": content}


def conversation(*messages: dict[str, Any]) -> list[Message]:
    return [Message.model_validate(message) for message in messages]


def test_parameters_without_a_use_here_are_ignored() -> None:
    request = read(temperature=0.2, seed=4, tools=None, metadata={"a": "b"}, stop=["x"])

    assert request.offered == {}


@pytest.mark.parametrize("raw", [b"", b"{", b'{"model": \xff}', b"[" * 1_000_000])
def test_a_body_that_is_not_json_is_refused(raw: bytes) -> None:
    assert refusal(raw).message == "We could not parse the JSON body of your request."


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
        ({"messages": [USER, {"role": "robot"}]}, "messages[1].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type"),
        ({"n": 2}, "n"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"tools": [{"type": "magic"}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tool_choice": "sometimes"}, "tool_choice"),
    ],
)
def test_a_mistake_is_refused_with_the_parameter_at_fault(
    fields: dict[str, Any], param: str
) -> None:
    body = {"model": "m", "messages": [USER], **fields}

    error = refusal(json.dumps(body).encode())

    assert (error.status, error.param) == (400, param)
    assert error.body()["error"] == {
        "message": error.message,
        "type": "invalid_request_error",
        "param": param,
        "code": None,
    }


def test_a_request_that_is_no_object_is_refused() -> None:
    assert "the request" in refusal(b"[]").message


def test_a_forced_tool_must_be_offered() -> None:
    choice = {"type": "function", "function": {"name": "g"}}

    error = refusal(
        json.dumps(
            {"model": "m", "messages": [USER], "tools": [TOOL], "tool_choice": choice}
        ).encode()
    )

    assert error.param == "tool_choice"
    offered = [TOOL, {"type": "function", "function": {"name": "g"}}]
    assert list(read(tools=offered, tool_choice=choice).offered) == ["f", "g"]


def test_the_newer_limit_of_tokens_wins_over_the_older() -> None:
    assert read().token_limit is None
    assert read(max_tokens=5).token_limit == 5
    assert read(max_tokens=5, max_completion_tokens=7).token_limit == 7


def test_usage_is_wanted_only_if_asked_for() -> None:
    assert not read().wants_usage
    assert not read(stream_options={}).wants_usage
    assert read(stream_options={"include_usage": True}).wants_usage


def test_the_text_of_a_message_is_that_of_its_text_parts() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    parts = [{"type": "text", "text": "a"}, image, {"type": "text", "text": "b"}]

    assert conversation({"role": "user", "content": parts})[0].text == "ab"
    assert conversation({"role": "user", "content": None})[0].text == ""


def test_the_last_user_message_is_the_one_that_is_answered() -> None:
    older = [USER, calling("a"), result("a"), {"role": "assistant", "content": "Hello"}]
    newer = [{"role": "user", "content": "And now?"}]

    assert read_exchange(conversation(*older, *newer)).text == "And now?"
    assert read_exchange(conversation(*older, *newer)).model_calls == 0
    assert read_exchange(conversation(*older)).model_calls == 2


def test_a_conversation_without_a_user_is_answered_from_its_beginning() -> None:
    exchange = read_exchange(conversation({"role": "system", "content": "Be kind."}))

    assert (exchange.text, exchange.model_calls, exchange.results) == ("", 0, ())


def test_results_carry_the_names_of_their_tools() -> None:
    exchange = read_exchange(conversation(USER, calling("a", "b"), result("b", "2"), result("a")))

    assert exchange.results == (ToolResult("f", "2"), ToolResult("f", "done"))


@pytest.mark.parametrize(
    "messages",
    [
        [USER],
        [USER, calling("a"), result("a")],
        [USER, calling("a", "b"), result("b"), result("a"), calling("c"), result("c"), USER],
        [USER, calling("same", "same"), result("same"), result("same")],
    ],
)
def test_a_conversation_whose_calls_are_answered_is_in_order(
    messages: list[dict[str, Any]],
) -> None:
    check_order(conversation(*messages))


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ([USER, result("a")], "must be a response to a preceding message with 'tool_calls'"),
        ([USER, calling("a"), result("b")], "must be a response"),
        ([USER, calling("a"), result("a"), result("a")], "must be a response"),
        ([USER, calling("a"), result("a"), USER, result("a")], "must be a response"),
        ([USER, calling("a")], "did not have response messages: a"),
        ([USER, calling("a", "b"), result("a"), USER], "did not have response messages: b"),
        ([USER, calling("a"), calling("b"), result("b")], "did not have response messages: a"),
    ],
)
def test_a_conversation_with_a_lost_or_doubled_result_is_refused(
    messages: list[dict[str, Any]], complaint: str
) -> None:
    with pytest.raises(ApiError, match=complaint) as caught:
        check_order(conversation(*messages))

    assert caught.value.status == 400
