"""Chunks of an answer, as the format has them and as endpoints really send them."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.model_chunks import has_choices, is_broken_off, read_chunk
from core.model import CallFragment, ModelChunk
from core.schema.runs import Usage

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children),
    max_leaves=8,
)
NAMES = ["content", "refusal", "tool_calls", "function_call", "index", "id", "function", "name"]
ODD = st.recursive(
    JSON,
    lambda children: (
        st.lists(children, max_size=2)
        | st.dictionaries(st.sampled_from([*NAMES, "arguments", "text"]), children)
    ),
    max_leaves=12,
)
CHUNKS = st.fixed_dictionaries(
    {},
    optional={
        "choices": JSON
        | st.lists(
            st.fixed_dictionaries({}, optional={"delta": ODD, "finish_reason": JSON, "index": JSON})
        ),
        "usage": JSON
        | st.dictionaries(st.sampled_from(["prompt_tokens", "total_tokens"]), JSON, max_size=2),
    },
)


def read_delta(delta: Any, **choice: Any) -> ModelChunk:
    return read_chunk({"choices": [{"index": 0, "delta": delta, **choice}]})


@settings(max_examples=60)
@given(CHUNKS)
def test_whatever_comes_is_read_as_what_the_core_takes(chunk: Any) -> None:
    read = read_chunk(chunk)
    for text in (read.text, read.refusal, read.finish_reason):
        assert text is None or isinstance(text, str)
    for call in read.calls:
        assert call.index is None or isinstance(call.index, int)
        for part in (call.id, call.name, call.arguments):
            assert part is None or isinstance(part, str)
    assert read.usage is None or Usage.model_validate(read.usage.model_dump()) == read.usage


@pytest.mark.parametrize("chunk", [None, 3, "text", [], [{}], True])
def test_what_is_no_object_is_no_chunk(chunk: object) -> None:
    with pytest.raises(ValueError, match="no object"):
        read_chunk(chunk)
    assert not has_choices(chunk)


@pytest.mark.parametrize(
    "chunk",
    [
        {},
        {"choices": []},
        {"choices": None},
        {"choices": [None]},
        {"choices": [{}]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {}, "finish_reason": None}], "usage": None},
        {"choices": [{"delta": {"role": "assistant", "content": None, "tool_calls": None}}]},
        {"choices": [{"delta": {"reasoning_content": "Hm.", "reasoning": "Hm.", "x": {"y": 1}}}]},
        {"choices": [{"delta": {"tool_calls": [None], "function_call": None, "audio": None}}]},
        {"choices": [{"index": 1, "delta": {"content": "another answer"}}]},
        {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
    ],
)
def test_what_says_nothing_is_nothing(chunk: dict[str, Any]) -> None:
    assert read_chunk(chunk) == ModelChunk()


def test_everything_may_come_at_once() -> None:
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{"}}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    delta = {"role": "assistant", "content": "Hi", "refusal": "No", "tool_calls": [call]}
    chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": "stop"}], "usage": usage}
    assert has_choices(chunk)
    assert read_chunk(chunk) == ModelChunk(
        "Hi",
        "No",
        (CallFragment(0, "c1", "f", "{"),),
        "stop",
        Usage(prompt_tokens=3, completion_tokens=2, total_tokens=5),
    )


def test_a_text_in_parts_is_their_words_without_the_thoughts() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
        {"type": "text", "text": "Hel"},
        {"type": "text", "text": "lo"},
        None,
        "odd",
    ]
    assert read_delta({"content": parts}) == ModelChunk(text="Hello")


def test_the_old_function_call_is_a_call_without_index_and_id() -> None:
    assert read_delta({"function_call": {"name": "f", "arguments": ""}}).calls == (
        CallFragment(None, None, "f", ""),
    )
    assert read_delta({"function_call": {"arguments": '{"a"'}}).calls == (
        CallFragment(None, None, None, '{"a"'),
    )


@pytest.mark.parametrize(
    ("call", "fragment"),
    [
        ({"function": {"name": "f"}}, CallFragment(None, None, "f", None)),
        ({"index": None, "id": "", "function": None}, CallFragment(None, "", None, None)),
        ({"index": "0", "id": 7, "function": {}}, CallFragment(None, "7", None, None)),
        (
            {"index": 1, "function": {"arguments": {"city": "Köln"}}},
            CallFragment(1, None, None, '{"city": "Köln"}'),
        ),
    ],
)
def test_a_call_may_lack_what_it_likes(call: dict[str, Any], fragment: CallFragment) -> None:
    assert read_delta({"tool_calls": [call]}).calls == (fragment,)


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("content_filter", "content_filter"),
        ("function_call", "function_call"),
        ("eos", "eos"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("model_context_window_exceeded", "length"),
        ("SAFETY", "content_filter"),
        ("sensitive", "content_filter"),
        ("refusal", "content_filter"),
        (None, None),
        (0, None),
    ],
)
def test_other_providers_words_for_an_end_are_put_into_openais(told: Any, meant: Any) -> None:
    assert read_delta({}, finish_reason=told).finish_reason == meant


@pytest.mark.parametrize("reason", ["error", "insufficient_system_resource", "network_error"])
def test_an_answer_that_its_provider_gave_up_is_broken_off(reason: str) -> None:
    assert is_broken_off(read_delta({}, finish_reason=reason).finish_reason)
    assert not any(is_broken_off(whole) for whole in ("stop", "length", "eos", "", None))


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 2}, (3, 2, 5)),
        ({"prompt_tokens": 3, "completion_tokens": None, "total_tokens": None}, (3, 0, 3)),
        ({"completion_tokens": 2.0, "total_tokens": 9}, (0, 2, 9)),
        ({"prompt_tokens": "many", "extra": {}}, (0, 0, 0)),
        ({"prompt_tokens": -1, "completion_tokens": 1e400, "total_tokens": 10**400}, (0, 0, 0)),
    ],
)
def test_usage_may_lack_what_it_likes(told: dict[str, Any], counted: tuple[int, ...]) -> None:
    usage = read_chunk({"choices": [], "usage": told}).usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == counted
