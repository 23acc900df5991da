"""The model through the `openai` package, against a server that goes wrong on purpose."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.model import OpenAIModel
from adapters.secrets import SecretValue
from core.model import ModelChunk, ModelFailure, ModelRequest
from infra.local.ports import choose_port
from infra.local.scripted_model import ScriptedModelServer
from tests.support.http_service import Exchange, Received, http_service
from tests.support.service import script, tokens

KEY = "sk-secret-of-the-model"


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedModelServer]:
    """The scripted model server, which takes one key."""
    with ScriptedModelServer(tokens_per_second=500, api_key=KEY) as server:
        yield server


def model_at(base_url: str, *, key: str = KEY, idle_seconds: float = 5) -> OpenAIModel:
    """Return the model behind a URL."""
    return OpenAIModel(base_url, SecretValue(lambda: key), idle_seconds)


def request(content: str, **parameters: object) -> ModelRequest:
    """Return a request with one user message."""
    messages = [{"role": "user", "content": content}]
    return ModelRequest("any", messages, [], parameters)


def ask(model: OpenAIModel, content: str) -> list[ModelChunk]:
    """Return the chunks of an answer."""
    return list(model.stream(request(content)))


def failure(model: OpenAIModel, content: str) -> ModelFailure:
    """Return how an answer fails; what it says holds neither the key nor the request."""
    with pytest.raises(ModelFailure) as caught:
        ask(model, content)
    assert KEY not in caught.value.message
    assert "@script" not in caught.value.message
    return caught.value


def test_text_usage_and_the_finish_reason_come_through(server: ScriptedModelServer) -> None:
    chunks = ask(model_at(server.base_url), script({"text": {"tokens": 50}}))
    assert "".join(chunk.text or "" for chunk in chunks) == tokens(50)
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["stop"]
    (usage,) = [chunk.usage for chunk in chunks if chunk.usage]
    assert usage.completion_tokens == 50
    assert usage.total_tokens == usage.prompt_tokens + 50


def test_parameters_reach_the_model_as_they_were_given(server: ScriptedModelServer) -> None:
    given = request("Hi", temperature=0.0, top_p=0.5, max_completion_tokens=7)
    list(model_at(server.base_url).stream(given))
    body = server.requests[-1].body
    assert body is not None
    assert {name: body[name] for name in given.parameters} == given.parameters
    assert "tools" not in body


def test_every_parameter_reaches_the_endpoint_whether_the_package_knows_it_or_not() -> None:
    given: dict[str, Any] = {
        "temperature": 0,
        "top_p": 0.0,
        "frequency_penalty": 0.3,
        "seed": 7,
        "stop": ["END"],
        "reasoning_effort": "none",
        "parallel_tool_calls": False,
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True},
        },
        "top_k": 0,
        "chat_template_kwargs": {"enable_thinking": False, "deep": [None, {"a": 1}]},
        "timeout": 5,
        "extra_headers": {"x-from": "the user"},
    }
    tools = [{"type": "function", "function": {"name": "f", "strict": True}}]
    messages = [{"role": "user", "content": "Hi"}]
    with http_service(answer_at_once) as service:
        model = model_at(f"http://127.0.0.1:{service.port}/v1")
        list(model.stream(ModelRequest("any", messages, tools, given)))
    (received,) = service.received
    assert json.loads(received.body) == given | {
        "model": "any",
        "messages": messages,
        "tools": tools,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert "x-from" not in received.headers


def answer_at_once(exchange: Exchange, _: Received) -> None:
    """Answer with a stream that says nothing."""
    exchange.answer(200, b"data: [DONE]\n\n", content_type="text/event-stream")


@pytest.mark.parametrize(
    ("status", "retryable", "code"),
    [
        (400, False, "invalid_prompt"),
        (401, False, "server_error"),
        (404, False, "server_error"),
        (408, True, "server_error"),
        (429, True, "rate_limit_exceeded"),
        (500, True, "server_error"),
        (503, True, "server_error"),
    ],
)
def test_a_status_is_sorted_by_what_it_means_for_the_run(
    server: ScriptedModelServer, status: int, retryable: bool, code: str
) -> None:
    failed = failure(model_at(server.base_url), script({"fail": {"status": status}}))
    assert (failed.retryable, failed.code) == (retryable, code)
    assert str(status) in failed.message


def test_a_providers_wish_to_wait_is_passed_on(server: ScriptedModelServer) -> None:
    limited = script({"fail": {"status": 429, "retry_after": 3}})
    assert failure(model_at(server.base_url), limited).retry_after == 3


def test_a_spent_quota_is_final(server: ScriptedModelServer) -> None:
    spent = script({"fail": {"status": 429, "code": "insufficient_quota"}})
    assert not failure(model_at(server.base_url), spent).retryable


def test_a_wrong_key_is_final_and_is_not_repeated(server: ScriptedModelServer) -> None:
    with pytest.raises(ModelFailure, match="Check the model key") as caught:
        ask(model_at(server.base_url, key="sk-wrong-key"), "Hi")
    assert not caught.value.retryable
    assert "sk-wrong-key" not in caught.value.message


@pytest.mark.parametrize(
    "turn",
    [
        pytest.param({"text": {"tokens": 20}, "cut_after": 5}, id="cut"),
        pytest.param({"text": {"tokens": 20}, "stall_after": 5, "stall": 30}, id="stall"),
        pytest.param({"text": {"tokens": 20}, "malformed": True}, id="malformed"),
    ],
)
def test_an_answer_that_breaks_off_gives_what_came_and_may_be_asked_again(
    server: ScriptedModelServer, turn: dict[str, object]
) -> None:
    stream = model_at(server.base_url, idle_seconds=0.5).stream(request(script(turn)))
    came: list[ModelChunk] = []
    with pytest.raises(ModelFailure) as caught:
        for chunk in stream:
            came.append(chunk)
    assert caught.value.retryable
    assert any(chunk.text for chunk in came)


def test_a_model_that_cannot_be_reached_says_what_to_check() -> None:
    dead = model_at(f"http://127.0.0.1:{choose_port(None)}/v1")
    failed = failure(dead, "Hi")
    assert failed.retryable
    assert "base URL" in failed.message
