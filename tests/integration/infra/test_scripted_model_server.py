"""The scripted model server on a real socket, called by the official SDK."""

import asyncio
import json
import logging
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionChunk

from infra.local.scripted_model import ScriptedModelServer
from infra.local.scripted_model import app as app_module
from infra.local.scripted_model.chat_request import ChatRequest

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedModelServer]:
    with ScriptedModelServer(tokens_per_second=2_000) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_requests(server: ScriptedModelServer) -> None:
    server.clear()


@pytest.fixture(scope="module")
def client(server: ScriptedModelServer) -> Iterator[OpenAI]:
    with open_client(server) as opened:
        yield opened


@pytest.fixture(scope="module")
def web(server: ScriptedModelServer) -> Iterator[httpx.Client]:
    root = server.base_url.removesuffix("/v1")
    headers = {"Authorization": "Bearer any"}
    with httpx.Client(base_url=root, headers=headers, trust_env=False) as opened:
        yield opened


def open_client(server: ScriptedModelServer, key: str = "any") -> OpenAI:
    http_client = openai.DefaultHttpxClient(trust_env=False)
    return OpenAI(
        base_url=server.base_url, api_key=key, max_retries=0, timeout=20, http_client=http_client
    )


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def scripted(*turns: dict[str, Any]) -> dict[str, Any]:
    return user("@script " + json.dumps({"turns": turns}))


def stream(client: OpenAI, *messages: dict[str, Any], **options: Any) -> list[ChatCompletionChunk]:
    create: Any = client.chat.completions.create
    with create(model="any-model", messages=list(messages), stream=True, **options) as chunks:
        return list(chunks)


def complete(client: OpenAI, *messages: dict[str, Any], **options: Any) -> Any:
    create: Any = client.chat.completions.create
    return create(model="any-model", messages=list(messages), **options)


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def test_a_stream_has_the_role_first_then_content_then_the_reason_to_finish(
    client: OpenAI,
) -> None:
    chunks = stream(client, scripted({"text": {"tokens": 3}}))

    deltas = [c.choices[0].delta.model_dump(exclude_unset=True) for c in chunks]
    assert deltas == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "1"},
        {"content": " 2"},
        {"content": " 3"},
        {},
    ]
    assert [c.choices[0].finish_reason for c in chunks] == [None] * 4 + ["stop"]
    assert len({c.id for c in chunks}) == 1
    assert {c.model for c in chunks} == {"any-model"}
    assert all(c.usage is None for c in chunks)


def test_a_stream_ends_with_the_usage_if_asked_and_is_done(web: httpx.Client) -> None:
    body = {
        "model": "m",
        "messages": [scripted({"text": "Hi"})],
        "stream": True,
        "stream_options": {"include_usage": True},
    }

    response = web.post("/v1/chat/completions", json=body)

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, done, rest = response.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    *others, last = [json.loads(event.removeprefix("data: ")) for event in events]
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == last["usage"]["prompt_tokens"] + 1
    assert [other["usage"] for other in others] == [None] * 3


def test_no_token_of_a_long_stream_is_lost_or_doubled(client: OpenAI) -> None:
    chunks = stream(client, scripted({"text": {"tokens": 3_000}, "rate": 100_000}))

    assert text_of(chunks).split() == [str(number) for number in range(1, 3_001)]


def test_text_beyond_ascii_arrives_as_it_was_sent(client: OpenAI) -> None:
    text = "Grüße an 東京 🗼\u2028 — «fin»\r\n"

    assert text_of(stream(client, scripted({"text": text}))) == text


def test_a_whole_answer_says_the_same_as_a_stream(client: OpenAI) -> None:
    streamed = stream(client, user("Hello"), stream_options={"include_usage": True})

    whole = complete(client, user("Hello"))

    assert whole.choices[0].message.content == text_of(streamed)
    assert whole.usage == streamed[-1].usage
    assert "not a language model" in whole.choices[0].message.content


def test_a_tool_is_called_and_its_result_is_read_out(client: OpenAI) -> None:
    question = user('Please use get_weather with {"city": "Oslo"}')

    with client.chat.completions.stream(
        model="m",
        messages=[question],  # type: ignore[list-item]
        tools=[WEATHER],  # type: ignore[list-item]
    ) as events:
        first = events.get_final_completion().choices[0]
    assert first.finish_reason == "tool_calls"
    assert first.message.tool_calls is not None
    (call,) = first.message.tool_calls
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city": "Oslo"}')

    said = first.message.model_dump(include={"role", "content", "tool_calls"})
    result = {"role": "tool", "tool_call_id": call.id, "content": '{"sky": "clear"}'}
    second = complete(client, question, said, result, tools=[WEATHER]).choices[0]
    assert second.finish_reason == "stop"
    assert "get_weather returned: sky: clear" in second.message.content


def test_a_whole_answer_has_refusal_calls_and_usage_of_the_script(client: OpenAI) -> None:
    turn = {
        "refusal": "I must not.",
        "calls": [{"name": "f", "id": "mine", "arguments": "{broken"}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 8},
        "finish": "length",
    }

    whole = complete(client, scripted(turn))

    (choice,) = whole.choices
    assert (choice.message.content, choice.message.refusal) == (None, "I must not.")
    assert choice.message.tool_calls[0].id == "mine"
    assert choice.message.tool_calls[0].function.arguments == "{broken"
    assert choice.finish_reason == "length"
    assert whole.usage.total_tokens == 15
    assert complete(client, scripted({"usage": False})).usage is None


def test_usage_that_the_script_withholds_is_not_streamed(client: OpenAI) -> None:
    options = {"include_usage": True}

    chunks = stream(client, scripted({"text": "Hi", "usage": False}), stream_options=options)

    assert all(chunk.choices for chunk in chunks)


def test_the_models_list_says_plainly_what_the_model_is_not(client: OpenAI) -> None:
    (model,) = client.models.list().data

    assert "not a language model" in str(model.to_dict()["description"])
    assert client.models.retrieve(model.id) == model


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("vendor/gpt-none")

    assert caught.value.code == "model_not_found"
    assert caught.value.type == "invalid_request_error"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "unknown_url"),
        ("GET", "/v1/chat/completions", 405, None),
        ("POST", "/v1/models", 405, None),
    ],
)
def test_an_unknown_route_is_refused_in_openais_shape(
    web: httpx.Client, method: str, path: str, status: int, code: str | None
) -> None:
    response = web.request(method, path)

    assert response.status_code == status
    assert response.json()["error"] == {
        "message": f"Invalid URL ({method} {path})",
        "type": "invalid_request_error",
        "param": None,
        "code": code,
    }


def test_the_root_says_what_this_is(web: httpx.Client) -> None:
    assert "not a language model" in web.get("/").text


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/scripted-model"])
@pytest.mark.parametrize("header", ["", "Bearer", "Basic YTpi"])
def test_a_bearer_token_is_required(server: ScriptedModelServer, path: str, header: str) -> None:
    root = server.base_url.removesuffix("/v1")
    response = httpx.get(root + path, headers={"Authorization": header}, trust_env=False)

    assert response.status_code == 401
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_a_key_that_was_set_is_the_only_one_accepted_and_is_never_shown() -> None:
    with ScriptedModelServer(api_key="right-key", tokens_per_second=2_000) as guarded:
        root = guarded.base_url.removesuffix("/v1")
        with open_client(guarded, "wrong-key") as wrong, open_client(guarded, "right-key") as right:
            with pytest.raises(openai.AuthenticationError) as caught:
                complete(wrong, user("Hello"))
            assert complete(right, user("Hello"))
        for method in ("GET", "DELETE"):
            assert httpx.request(method, f"{root}/requests", trust_env=False).status_code == 401
        assert [record.status for record in guarded.requests] == [401, 200]

    assert caught.value.code == "invalid_api_key"
    assert "key" not in str(caught.value).replace("API key", "").replace("invalid_api_key", "")


def test_a_broken_script_is_refused_with_a_clear_message(client: OpenAI) -> None:
    with pytest.raises(
        openai.BadRequestError, match=r"turns\[0\]\.rate: Input should be"
    ) as caught:
        stream(client, scripted({"rate": -1}))

    assert (caught.value.param, caught.value.code) == ("messages", "invalid_script")


def test_requests_are_recorded_with_their_bodies_and_the_times_of_their_chunks(
    server: ScriptedModelServer, client: OpenAI, web: httpx.Client
) -> None:
    before = time.time()
    chunks = stream(client, scripted({"text": {"tokens": 5}}), temperature=0.5)
    complete(client, user("Hello"))

    first, second = web.get("/requests").json()["data"]
    assert first["body"]["messages"] == [scripted({"text": {"tokens": 5}})]
    assert first["body"]["temperature"] == 0.5
    assert (first["status"], first["outcome"]) == (200, "completed")
    assert first["completion_id"] == chunks[0].id
    assert first["tokens"] == 5
    assert first["chunks"] == len(first["chunk_times"]) == len(chunks) + 1  # and [DONE]
    moments = [before, first["received_at"], *first["chunk_times"], first["finished_at"]]
    assert moments == sorted(moments)
    assert (second["chunks"], second["outcome"]) == (0, "completed")
    assert [record.describe() for record in server.requests] == [first, second]

    assert web.delete("/requests").status_code == 204
    assert web.get("/requests").json() == {"object": "list", "data": []}


def test_the_recorded_port_is_that_of_the_caller(
    server: ScriptedModelServer, web: httpx.Client
) -> None:
    body = {"model": "m", "messages": [scripted({"text": "Hi"})]}

    with web.stream("POST", "/v1/chat/completions", json=body) as response:
        local = response.extensions["network_stream"].get_extra_info("client_addr")

    assert server.requests[0].peer_port == local[1]


def test_connections_send_without_delay(server: ScriptedModelServer, client: OpenAI) -> None:
    client.models.list()

    connections = server._server.server_state.connections
    sockets = [c.transport.get_extra_info("socket") for c in connections]
    assert sockets
    assert all(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for s in sockets)


def test_fifty_streams_at_once_each_keep_their_own_pace() -> None:
    streams, tokens, rate = 50, 60, 30

    async def consume(client: AsyncOpenAI) -> str:
        create: Any = client.chat.completions.create
        script = scripted({"text": {"tokens": tokens}, "rate": rate})
        chunks = await create(model="m", messages=[script], stream=True)
        return "".join([c.choices[0].delta.content or "" async for c in chunks])

    async def consume_all(server: ScriptedModelServer) -> list[str]:
        http_client = openai.DefaultAsyncHttpxClient(trust_env=False)
        async with AsyncOpenAI(
            base_url=server.base_url, api_key="any", max_retries=0, http_client=http_client
        ) as client:
            return await asyncio.gather(*(consume(client) for _ in range(streams)))

    with ScriptedModelServer() as server:
        texts = asyncio.run(consume_all(server))
        records = server.requests

    assert {text.split()[-1] for text in texts} == {str(tokens)}
    assert all(len(text.split()) == tokens for text in texts)
    first_begun = min(record.chunk_times[0] for record in records)
    last_begun = max(record.chunk_times[0] for record in records)
    assert last_begun - first_begun < (tokens - 1) / rate  # they ran at the same time
    for record in records:
        starts = [at - n / rate for n, at in enumerate(record.chunk_times[1 : tokens + 1])]
        # A busy machine delays a token here and there; a stream that drifts is never in time again,
        # and one that hurries was never late.
        assert abs(min(starts[-20:]) - min(starts[:20])) < 0.1


def test_a_defect_is_answered_as_an_error_and_logged_without_contents(
    client: OpenAI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(request: ChatRequest, **_options: object) -> None:
        raise ValueError(request.messages[0].text)

    monkeypatch.setattr(app_module, "decide", fail)
    caplog.set_level(logging.DEBUG, logger="infra")

    with pytest.raises(openai.InternalServerError) as caught:
        complete(client, user("swordfish"))

    assert "has a defect" in caught.value.message
    assert "ValueError in the scripted model server" in caplog.text
    assert "in create_completion" in caplog.text
    assert "swordfish" not in caplog.text


def test_nothing_of_a_message_is_logged(client: OpenAI, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("infra", "uvicorn", "starlette", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)

    stream(client, user("swordfish"))
    with pytest.raises(openai.BadRequestError):
        complete(client, user("@script swordfish"))

    assert "swordfish" not in caplog.text


def test_the_server_ends_at_once_even_if_an_answer_stalls() -> None:
    with ScriptedModelServer(tokens_per_second=2_000) as server, open_client(server) as client:
        create: Any = client.chat.completions.create
        turn = scripted({"text": {"tokens": 9}, "stall_after": 2})
        chunks = create(model="m", messages=[turn], stream=True)
        assert [next(chunks).choices[0].delta.content for _ in range(3)] == ["", "1", " 2"]

        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 3
        with pytest.raises((openai.APIConnectionError, httpx.HTTPError)):
            next(chunks)
        chunks.close()

    assert server.requests[0].outcome == "disconnected"


def test_a_taken_port_is_an_error(server: ScriptedModelServer) -> None:
    port = int(server.base_url.split(":")[2].split("/")[0])

    with pytest.raises(OSError, match="in use"):
        ScriptedModelServer(port=port)


@pytest.mark.parametrize("pace", [0, -1, float("nan")])
def test_a_pace_that_leads_nowhere_is_an_error(pace: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        ScriptedModelServer(tokens_per_second=pace)
