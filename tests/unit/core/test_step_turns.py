"""A run's earlier steps as its model reads them: endpoints must take them, whatever was written."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.step_turns import step_turns
from tests.support.runs import assistant_message, call_step, function_call, message_step


def told_call(name: str = "f", arguments: str = "{}", output: str | None = "x") -> dict[str, Any]:
    step = call_step(function_call("c1", name, arguments, output), status="completed")
    asked, result = step_turns([step], {})
    assert (asked["role"], result["role"], result["tool_call_id"]) == ("assistant", "tool", "c1")
    (call,) = asked["tool_calls"]
    function: dict[str, Any] = call["function"]
    return function


@given(st.text(max_size=80), st.text(max_size=20))
def test_every_name_and_every_argument_becomes_one_that_endpoints_take(
    name: str, arguments: str
) -> None:
    told = told_call(name, arguments)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", told["name"])
    assert isinstance(json.loads(told["arguments"]), dict)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("get_weather-2", "get_weather-2"),
        ("browser.tabs open", "browser_tabs_open"),
        ("", "_"),
        ("x" * 65, "x" * 64),
    ],
)
def test_a_name_is_changed_only_where_it_must_be(name: str, told: str) -> None:
    assert told_call(name)["name"] == told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ('{"a" : 1}', '{"a" : 1}'),
        ("", "{}"),
        (" ", "{}"),
        ('{"city": "Köl', '{"invalid_arguments": "{\\"city\\": \\"Köl"}'),
        ("[1]", '{"invalid_arguments": "[1]"}'),
        ('{"a": NaN}', '{"invalid_arguments": "{\\"a\\": NaN}"}'),
    ],
)
def test_arguments_that_are_no_object_are_told_within_one(arguments: str, told: str) -> None:
    assert told_call(arguments=arguments)["arguments"] == told


def test_a_message_without_words_leaves_the_calls_turn_without_words() -> None:
    steps = [
        message_step("step_1", "msg_1", status="completed"),
        call_step(function_call("c1", output="x"), step_id="step_2", status="completed"),
    ]
    asked, _ = step_turns(steps, {"msg_1": assistant_message("", "msg_1")})
    assert asked["content"] is None


def test_each_call_has_its_result_and_each_result_its_call() -> None:
    calls = [function_call(f"c{n}", output=str(n)) for n in range(3)]
    asked, *results = step_turns([call_step(*calls, status="completed")], {})
    assert [call["id"] for call in asked["tool_calls"]] == ["c0", "c1", "c2"]
    assert [(turn["tool_call_id"], turn["content"]) for turn in results] == [
        ("c0", "0"),
        ("c1", "1"),
        ("c2", "2"),
    ]
