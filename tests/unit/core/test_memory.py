"""An assistant's memory strategy, found in its metadata."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from core.memory import Memory, as_texts, memory_fields, memory_of


@pytest.mark.parametrize(
    ("text", "memory"),
    [
        ('{"type":"naive"}', Memory(type="naive")),
        ('{"type":"zero"}', Memory(type="zero")),
        ('{"type":"window"}', Memory(type="window", window_size=20, max_token_size=4000)),
        (
            '{"type": "window", "window_size": 3, "max_token_size": 100}',
            Memory(type="window", window_size=3, max_token_size=100),
        ),
    ],
)
def test_a_strategy_is_read_from_its_json_text(text: str, memory: Memory) -> None:
    assert memory_of({"memory": text, "team": "arts"}) == memory


@pytest.mark.parametrize(
    "text",
    [
        "",
        "window",
        "64 GB",
        "[]",
        '"window"',
        '["window"]',
        "{}",
        '{"type":"elephant"}',
        '{"type":["window"]}',
        '{"type":{"window":1}}',
        '{"window_size":3}',
        '{"type":"window"',
        "[" * 400,
    ],
)
def test_any_other_text_is_plain_metadata(text: str) -> None:
    assert memory_fields({"memory": text}) is None
    assert memory_of({"memory": text}) is None
    assert as_texts({"memory": text}) == {"memory": text}


def test_without_the_key_there_is_no_strategy() -> None:
    assert memory_of({}) is None
    assert memory_of({"Memory": '{"type":"zero"}'}) is None


def test_an_object_of_a_known_type_becomes_compact_json_text() -> None:
    memory = {"type": "window", "window_size": 3}
    texts = as_texts({"memory": memory, "team": "arts"})
    assert texts == {"memory": '{"type":"window","window_size":3}', "team": "arts"}


@pytest.mark.parametrize(
    "metadata", [None, [], "x", {"memory": {}}, {"memory": {"type": "elephant"}}, {"memory": 5}]
)
def test_what_is_no_strategy_is_left_for_others_to_refuse(metadata: Any) -> None:
    assert as_texts(metadata) == metadata


@pytest.mark.parametrize(
    "field",
    [
        {"window_size": 0},
        {"window_size": "3"},
        {"window_size": True},
        {"window_size": None},
        {"max_token_size": 0},
        {"max_token_size": 1.5},
        {"unknown": 1},
    ],
)
def test_wrong_fields_are_found_and_are_no_strategy_if_they_were_stored(
    field: dict[str, Any],
) -> None:
    stored = {"memory": json.dumps({"type": "window"} | field)}
    with pytest.raises(ValidationError):
        Memory.model_validate(memory_fields(stored))
    assert memory_of(stored) is None
