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
from tests.support.chunks import end, said, sse, usage
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
    exchange.answer(200, sse(end()), content_type="text/event-stream")


# ---- streams, byte by byte ----------------------------------------------------------------------


def stream_of(body: bytes, content_type: str = "text/event-stream") -> list[ModelChunk]:
    """Return what the chunks of a body say."""

    def behave(exchange: Exchange, _: Received) -> None:
        exchange.answer(200, body, content_type=content_type)

    with http_service(behave) as service:
        return ask(model_at(f"http://127.0.0.1:{service.port}/v1"), "Hi")


HELLO = said("Hello")
USAGE = {"choices": [], **usage(3, 1)}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(sse(HELLO, end()), id="a reason and [DONE]"),
        pytest.param(sse(HELLO, end(), done=False), id="a reason"),
        pytest.param(sse(HELLO), id="[DONE]"),
        pytest.param(sse(HELLO, USAGE, done=False), id="usage"),
        pytest.param(sse(HELLO, end()).rstrip(), id="no last line end"),
        pytest.param(sse(HELLO, end()).replace(b"\n", b"\r\n"), id="carriage returns"),
        pytest.param(b": ping\n\nevent: ping\n\n" + sse(HELLO, end()), id="pings"),
        pytest.param(sse({"choices": []}, HELLO, {"choices": None}, end()), id="no choices"),
    ],
)
def test_an_answer_is_whole_if_anything_says_so(body: bytes) -> None:
    assert "".join(chunk.text or "" for chunk in stream_of(body)) == "Hello"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (sse(HELLO, done=False), "ended in the middle"),
        (sse(HELLO | usage(3, 1), done=False), "ended in the middle"),
        (sse(USAGE, HELLO, done=False), "ended in the middle"),
        (sse(HELLO, done=False) + b'data: {"choices": [{"del', "malformed"),
        (sse(HELLO, done=False) + b"data: 3\n\n", "malformed"),
        (sse(HELLO, done=False) + b"data: " + b"[" * 100_000 + b"\n\n", "malformed"),
        (sse(HELLO, done=False) + b"data: \xff\n\n", "malformed"),
        (sse(HELLO, end("error")), "broke its answer"),
        (sse(HELLO, {"error": {"message": "SECRET"}}), "reported an error"),
        (sse(HELLO, {"error": "SECRET"}), "reported an error"),
        (sse({"object": "error", "message": "SECRET", "code": 503}), "HTTP 503"),
        (b"", "base URL"),
        (sse(), "base URL"),
        (sse(USAGE, {"choices": []}), "base URL"),
        (b"<html>SECRET</html>", "base URL"),
        (b'{"choices": [{"message": {"content": "SECRET"}}]}', "base URL"),
    ],
)
def test_an_answer_that_is_not_whole_is_a_failure_that_may_pass(body: bytes, reason: str) -> None:
    with pytest.raises(ModelFailure, match=reason) as caught:
        stream_of(body)
    assert caught.value.retryable
    assert caught.value.code == "server_error"
    assert "SECRET" not in caught.value.message


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        ({"code": 429}, "rate_limit_exceeded", True),
        ({"code": "rate_limit_exceeded"}, "rate_limit_exceeded", True),
        ({"code": "insufficient_quota"}, "rate_limit_exceeded", False),
        ({"code": 400}, "invalid_prompt", False),
        ({"code": 402}, "rate_limit_exceeded", False),
        ({"code": ["odd"]}, "server_error", True),
    ],
)
def test_an_error_within_the_answer_is_sorted_as_one_before_it(
    error: dict[str, object], code: str, retryable: bool
) -> None:
    with pytest.raises(ModelFailure) as caught:
        stream_of(sse(HELLO, {"error": error | {"message": "SECRET"}}))
    assert (caught.value.code, caught.value.retryable) == (code, retryable)


# ---- failures of the endpoint -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "retryable", "code"),
    [
        (400, False, "invalid_prompt"),
        (401, False, "server_error"),
        (402, False, "rate_limit_exceeded"),
        (404, False, "server_error"),
        (408, True, "server_error"),
        (429, True, "rate_limit_exceeded"),
        (500, True, "server_error"),
        (503, True, "server_error"),
    ],
)
@pytest.mark.fault("model-rate-limit", "model-down", "model-refuses")
def test_a_status_is_sorted_by_what_it_means_for_the_run(
    server: ScriptedModelServer, status: int, retryable: bool, code: str
) -> None:
    failed = failure(model_at(server.base_url), script({"fail": {"status": status}}))
    assert (failed.retryable, failed.code) == (retryable, code)
    assert str(status) in failed.message


@pytest.mark.fault("model-rate-limit")
def test_a_providers_wish_to_wait_is_passed_on(server: ScriptedModelServer) -> None:
    limited = script({"fail": {"status": 429, "retry_after": 3}})
    assert failure(model_at(server.base_url), limited).retry_after == 3


def test_a_spent_quota_is_final(server: ScriptedModelServer) -> None:
    spent = script({"fail": {"status": 429, "code": "insufficient_quota"}})
    assert not failure(model_at(server.base_url), spent).retryable


@pytest.mark.fault("model-refuses")
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
@pytest.mark.fault("model-reset-within", "model-stall", "model-malformed")
def test_an_answer_that_breaks_off_gives_what_came_and_may_be_asked_again(
    server: ScriptedModelServer, turn: dict[str, object]
) -> None:
    stream = model_at(server.base_url, idle_seconds=2).stream(request(script(turn)))
    came: list[ModelChunk] = []
    with pytest.raises(ModelFailure) as caught:
        for chunk in stream:
            came.append(chunk)
    assert caught.value.retryable
    assert any(chunk.text for chunk in came)


@pytest.mark.fault("model-down")
def test_a_model_that_cannot_be_reached_says_what_to_check() -> None:
    dead = model_at(f"http://127.0.0.1:{choose_port(None)}/v1")
    failed = failure(dead, "Hi")
    assert failed.retryable
    assert "base URL" in failed.message
