"""Arguments of calls: one JSON object, or words for the model about what is wrong with them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.call_arguments import BadArguments, read_arguments

VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2)


@given(st.dictionaries(st.text(), VALUES, max_size=3))
def test_an_object_is_read(arguments: dict[str, Any]) -> None:
    assert read_arguments(json.dumps(arguments)) == arguments


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_nothing_is_no_arguments(text: str) -> None:
    assert read_arguments(text) == {}


@pytest.mark.parametrize("text", ["{", "no", '{"a": NaN}', '{"a": 1}{"b": 2}', "[" * 100_000])
def test_what_is_no_json_is_said_to_be_none(text: str) -> None:
    with pytest.raises(BadArguments, match="not valid JSON"):
        read_arguments(text)


@pytest.mark.parametrize("text", ["[1]", "1", '"{}"', "null", "true"])
def test_another_value_than_an_object_is_refused(text: str) -> None:
    with pytest.raises(BadArguments, match="must be a JSON object"):
        read_arguments(text)
