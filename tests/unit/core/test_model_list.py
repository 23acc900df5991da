"""What backends answer to `GET /models`, read into OpenAI's shape."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model_list import NotAList, read_models

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
ENTRIES = st.fixed_dictionaries(
    {},
    optional={"id": JSON | st.text(min_size=1), "created": JSON, "owned_by": JSON, "extra": JSON},
)


def read(*entries: Any) -> list[dict[str, Any]]:
    return [model.model_dump() for model in read_models({"object": "list", "data": list(entries)})]


def test_openais_own_list_comes_through_as_it_is() -> None:
    entry = {"id": "gpt-4o", "object": "model", "created": 1_715_367_049, "owned_by": "system"}
    assert read(entry) == [entry]


@pytest.mark.parametrize(
    "entry",
    [
        # vLLM, LiteLLM, llama.cpp: more than OpenAI has.
        {"id": "m", "object": "model", "created": 5, "owned_by": "vllm", "permission": [{"id": 1}]},
        {"id": "m", "object": "model", "created": 5.9, "owned_by": "vllm", "max_model_len": None},
        {"id": "m", "type": "model", "created": 5, "owned_by": "vllm", "meta": {"n_vocab": 32_000}},
    ],
)
def test_fields_that_openai_does_not_have_are_dropped(entry: dict[str, Any]) -> None:
    assert read(entry) == [{"id": "m", "object": "model", "created": 5, "owned_by": "vllm"}]


@pytest.mark.parametrize("created", [None, "2024-05-10T18:50:49Z", True, -1, float("inf"), [5]])
def test_a_time_that_is_none_is_the_beginning_of_time(created: object) -> None:
    assert read({"id": "m", "created": created})[0]["created"] == 0


@pytest.mark.parametrize("owner", [None, "", 7, {"name": "x"}])
def test_an_owner_that_is_not_named_is_unknown(owner: object) -> None:
    assert read({"id": "m", "owned_by": owner})[0]["owned_by"] == "unknown"


@pytest.mark.parametrize(
    "entry", [None, "m", 5, [], {}, {"id": None}, {"id": ""}, {"id": 5}, {"id": "m" * 257}]
)
def test_an_entry_without_a_usable_id_is_left_out(entry: object) -> None:
    assert [model["id"] for model in read({"id": "a"}, entry, {"id": "b"})] == ["a", "b"]


def test_half_a_character_cannot_be_sent_on_and_is_left_out() -> None:
    assert read({"id": "\ud800"}) == []
    assert read({"id": "m", "owned_by": "\ud800"})[0]["owned_by"] == "unknown"


def test_a_model_that_is_listed_twice_is_listed_once() -> None:
    twice = read({"id": "a", "created": 1}, {"id": "b"}, {"id": "a", "created": 2})
    assert [(model["id"], model["created"]) for model in twice] == [("a", 1), ("b", 0)]


def test_a_list_without_an_envelope_is_a_list() -> None:
    assert [model.id for model in read_models([{"id": "a"}])] == ["a"]


def test_null_is_an_empty_list() -> None:
    assert read_models({"object": "list", "data": None}) == ()


@pytest.mark.parametrize("listing", [None, "", 5, {}, {"data": {}}, {"error": "x"}, {"data": "x"}])
def test_anything_else_is_no_list(listing: object) -> None:
    with pytest.raises(NotAList):
        read_models(listing)


@given(st.lists(ENTRIES | JSON))
def test_whatever_the_entries_are_the_models_can_be_sent(entries: list[Any]) -> None:
    models = read_models({"data": entries})
    assert len({model.id for model in models}) == len(models)
    for model in models:
        assert model.id
        assert model.created >= 0
        assert model.model_dump_json()
