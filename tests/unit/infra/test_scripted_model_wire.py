"""The shapes of answers, held against the official SDK's types."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from openai.types import Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from infra.local.scripted_model.reply import Call, Pace, Reply, Usage
from infra.local.scripted_model.wire import DONE, Envelope, describe_model, encode

ANSWER = Reply(
    text=("Grüß", " dich"),
    refusal=(),
    calls=(Call("call_1", "f", '{"a":1}'),),
    finish="tool_calls",
    usage=Usage(3, 4),
    pace=Pace(40),
)


def envelope(*, wants_usage: bool = False) -> Envelope:
    return Envelope("chatcmpl-1", 1_767_225_600, "some-model", wants_usage)


def opened(event: bytes) -> dict[str, Any]:
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    loaded: dict[str, Any] = json.loads(event[6:])
    ChatCompletionChunk.model_validate(loaded, strict=True)
    return loaded


def test_a_chunk_has_openais_fields() -> None:
    assert opened(envelope().chunk({"content": "Hi"})) == {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_767_225_600,
        "model": "some-model",
        "service_tier": "default",
        "system_fingerprint": "fp_scripted",
        "choices": [
            {"index": 0, "delta": {"content": "Hi"}, "logprobs": None, "finish_reason": None}
        ],
    }


def test_a_stream_ends_with_its_finish_reason_and_done() -> None:
    finish, done = envelope().finish(ANSWER)

    assert opened(finish)["choices"][0] == {
        "index": 0,
        "delta": {},
        "logprobs": None,
        "finish_reason": "tool_calls",
    }
    assert "usage" not in opened(finish)
    assert done == DONE == b"data: [DONE]\n\n"


def test_usage_is_null_in_every_chunk_but_a_last_one_without_choices() -> None:
    wanting = envelope(wants_usage=True)

    finish, usage, _done = wanting.finish(ANSWER)

    assert opened(wanting.chunk({"content": "Hi"}))["usage"] is None
    assert opened(finish)["usage"] is None
    assert opened(usage)["choices"] == []
    assert opened(usage)["usage"]["total_tokens"] == 7


def test_a_whole_answer_has_openais_fields() -> None:
    completion = ChatCompletion.model_validate_json(envelope().completion(ANSWER), strict=True)

    message = completion.choices[0].message
    assert message.content == "Grüß dich"
    assert message.tool_calls is not None
    assert message.tool_calls[0].model_dump() == {
        "id": "call_1",
        "type": "function",
        "function": {"name": "f", "arguments": '{"a":1}'},
    }
    assert completion.choices[0].finish_reason == "tool_calls"
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (3, 4)


def test_a_whole_answer_without_text_has_a_content_only_if_it_is_empty() -> None:
    def content(**parts: Any) -> str | None:
        plain = {"text": (), "refusal": (), "calls": (), "usage": None}
        reply = Reply(**{**plain, **parts}, finish="stop", pace=Pace(40))
        loaded = json.loads(envelope().completion(reply))
        assert "usage" not in loaded
        written: str | None = loaded["choices"][0]["message"]["content"]
        return written

    assert content() == ""
    assert content(refusal=("No",)) is None
    assert content(calls=(Call("a", "f", ""),)) is None


def test_the_model_says_what_it_is_not() -> None:
    model = Model.model_validate(describe_model())

    assert "not a language model" in str(model.to_dict()["description"])


@given(st.text(alphabet=st.characters()))
def test_any_text_is_written_on_one_line_and_read_back(text: str) -> None:
    written = encode({"text": text})

    assert b"\n" not in written
    assert b"\r" not in written
    assert json.loads(written.decode()) == {"text": text}


def test_text_is_written_as_utf_8_and_only_half_characters_are_escaped() -> None:
    assert encode("ü") == '"ü"'.encode()
    assert encode("\ud83d") == b'"\\ud83d"'
