"""What the model answers when there is no script."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.scripted_model.chat_request import parse_request
from infra.local.scripted_model.decision import decide
from infra.local.scripted_model.fault_counter import FaultCounter
from infra.local.scripted_model.plain_answer import DISCLOSURE
from infra.local.scripted_model.reply import Reply

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def tool(name: str, parameters: object = None) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS = [tool("get_weather", CITY), tool("get-time"), tool("tool")]


def ask(text: str, *later: dict[str, Any], **fields: Any) -> Reply:
    body = {"model": "m", "messages": [{"role": "user", "content": text}, *later], **fields}
    numbers = itertools.count(1)
    decision = decide(
        parse_request(json.dumps(body).encode()),
        rate=40,
        faults=FaultCounter(),
        new_id=lambda: f"call_{next(numbers)}",
    )
    assert isinstance(decision, Reply)
    return decision


def say(text: str, *later: dict[str, Any], **fields: Any) -> str:
    reply = ask(text, *later, **fields)
    assert reply.calls == ()
    assert reply.finish == "stop"
    return "".join(reply.text)


def called(text: str, *later: dict[str, Any], **fields: Any) -> list[tuple[str, Any]]:
    reply = ask(text, *later, **{"tools": TOOLS, **fields})
    assert not (reply.calls and reply.text)
    return [(call.name, json.loads(call.arguments)) for call in reply.calls]


def calling(*names: str) -> dict[str, Any]:
    functions = [{"name": name, "arguments": "{}"} for name in names]
    calls = [{"id": f"id_{n}", "function": function} for n, function in enumerate(functions)]
    return {"role": "assistant", "tool_calls": calls}


def result(number: int, content: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": f"id_{number}", "content": content}


def force(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


@given(st.text())
def test_every_answer_says_that_it_is_not_a_language_models(text: str) -> None:
    reply = ask("> " + text)

    assert "not a language model" in DISCLOSURE
    assert DISCLOSURE in "".join(reply.text)
    assert len(reply.text) > 20  # long enough to be seen streaming


def test_the_answer_quotes_the_message_and_varies_with_it() -> None:
    answers = {say(f"Tell me about number {number}") for number in range(50)}

    assert len(answers) == 50
    assert all('You wrote 5 words: "Tell me about number' in answer for answer in answers)
    assert len({answer.split(DISCLOSURE)[0] for answer in answers}) > 1


def test_the_same_message_always_gets_the_same_answer() -> None:
    assert say("Hello") == say("Hello")


def test_a_long_message_is_quoted_only_in_part() -> None:
    assert "x" * 61 not in say("x" * 500)
    assert "one word" in say("x" * 500)


def test_an_empty_message_is_answered_too() -> None:
    assert "nothing that I could quote" in say("  ")


def test_the_first_offered_tool_is_hinted_at_if_it_may_be_called() -> None:
    assert "'use get_weather with'" in say("Hello", tools=TOOLS)
    assert "get_weather" not in say("Hello", tools=TOOLS, tool_choice="none")


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ('use get_weather with {"city": "Oslo"}', [("get_weather", {"city": "Oslo"})]),
        ('Please USE `get_weather` with\n{"city": 1}!', [("get_weather", {"city": 1})]),
        ("Could you use the tool get-time?", [("get-time", {})]),
        ("use the get-time.", [("get-time", {})]),
        ("use tool", [("tool", {})]),
        ("use get_weather", [("get_weather", {"city": "example"})]),
        (
            'use get_weather with {"city": "Oslo"} and use get_weather with {"city": "Rome"},'
            " then use get-time",
            [
                ("get_weather", {"city": "Oslo"}),
                ("get_weather", {"city": "Rome"}),
                ("get-time", {}),
            ],
        ),
        ('use tool with {"text": "use get-time"}', [("tool", {"text": "use get-time"})]),
        ("use common sense, and do not use get-time, and never use tool", []),
        ("reuse get-time", []),
        ("get_weather", []),
    ],
)
def test_tools_are_called_when_they_are_asked_for(text: str, calls: list[Any]) -> None:
    assert called(text) == calls


def test_calls_have_ids_and_the_finish_reason_of_calls() -> None:
    reply = ask("use tool and use tool", tools=TOOLS)

    assert [call.id for call in reply.calls] == ["call_1", "call_2"]
    assert reply.finish == "tool_calls"


def test_arguments_that_are_not_a_json_object_are_pointed_out_and_nothing_is_called() -> None:
    answer = say('use get-time and use tool with {"a": }', tools=TOOLS)

    assert "what follows 'use tool with' is not a JSON object" in answer


def test_nothing_is_called_if_it_is_not_offered_or_forbidden() -> None:
    assert called("use get-time", tools=[]) == []
    assert called("use get-time", tool_choice="none") == []


def test_a_forced_tool_is_called_with_the_arguments_of_the_message() -> None:
    choice = force("get_weather")

    assert called('With {"city": "Oslo"}, please', tool_choice=choice) == [
        ("get_weather", {"city": "Oslo"})
    ]
    assert called('use tool with {"a": 1} use get_weather with {"b": 2}', tool_choice=choice) == [
        ("get_weather", {"b": 2})
    ]


def test_a_forced_tool_without_arguments_gets_made_up_ones() -> None:
    assert called("Go {ahead}", tool_choice=force("get_weather")) == [
        ("get_weather", {"city": "example"})
    ]
    assert called("Go ahead", tool_choice=force("get-time")) == [("get-time", {})]


def test_a_required_call_is_made_to_the_wished_or_else_the_first_tool() -> None:
    assert called("use get-time", tool_choice="required") == [("get-time", {})]
    assert called("Hello", tool_choice="required") == [("get_weather", {"city": "example"})]


def test_without_parallel_calls_one_wish_is_granted_after_the_other() -> None:
    text = "use get-time and use tool"
    first = [calling("get-time"), result(0, "noon")]

    assert called(text, parallel_tool_calls=False) == [("get-time", {})]
    assert called(text, *first, parallel_tool_calls=False) == [("tool", {})]
    assert called(text, *first, calling("tool"), result(0, "x"), parallel_tool_calls=False) == []


def test_results_are_read_out_and_the_tools_are_not_called_again() -> None:
    answer = say(
        "use get_weather and use get-time",
        calling("get_weather", "get-time", "tool"),
        result(0, '{"sky": "clear", "degrees": 21, "wind": {"from": "NW"}}'),
        result(1, "half past two"),
        result(2, '["a", 2]'),
        tools=TOOLS,
    )

    assert "The tools have answered." in answer
    assert 'get_weather returned: sky: clear, degrees: 21, wind: {"from": "NW"}' in answer
    assert "get-time returned: half past two" in answer
    assert "tool returned: a, 2" in answer
    assert DISCLOSURE in answer


def test_a_long_or_empty_result_is_read_out_reasonably() -> None:
    assert "x" * 401 not in say("Hi", calling("tool"), result(0, "x" * 5_000))
    assert "tool returned: nothing" in say("Hi", calling("tool"), result(0, ""))
    assert "tool returned: null" in say("Hi", calling("tool"), result(0, "null"))


def test_an_answer_is_json_if_the_request_demands_it() -> None:
    as_object = json.loads(say("Hello", response_format={"type": "json_object"}))
    format_ = {"type": "json_schema", "json_schema": {"name": "place", "schema": CITY}}

    assert as_object["scripted"] is True
    assert DISCLOSURE in as_object["answer"]
    assert json.loads(say("Hello", response_format=format_)) == {"city": "example"}
    assert DISCLOSURE in say("Hello", response_format={"type": "text"})


def test_a_limit_of_tokens_holds_for_plain_answers_too() -> None:
    reply = ask("Hello", max_completion_tokens=5)

    assert (len(reply.text), reply.finish) == (5, "length")
