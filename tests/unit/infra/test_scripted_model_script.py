"""How a script is found in a message, read, and refused."""

import json

import pytest

from infra.local.scripted_model.errors import ApiError
from infra.local.scripted_model.script import Script, TokenCount, parse_script


def read(document: object) -> Script:
    script = parse_script("@script " + json.dumps(document))
    assert script is not None
    return script


def refusal(text: str) -> ApiError:
    with pytest.raises(ApiError) as caught:
        parse_script(text)
    return caught.value


def test_a_message_without_a_script_has_none() -> None:
    for text in ("", "Hello", "see @script {}", " @script {}", "@scripted {}", "@scripts"):
        assert parse_script(text) is None


def test_a_script_is_found_on_any_line_of_a_message() -> None:
    text = 'Dear model,\n@script {"turns": [{"text": "Hi"}]} and thank you.\nYours'

    script = parse_script(text)

    assert script is not None
    assert [turn.text for turn in script.turns] == ["Hi"]


def test_a_script_may_go_on_over_several_lines() -> None:
    document = {"turns": [{"text": "a"}, {"text": {"tokens": 3}}]}

    script = parse_script("Please:\r\n@script " + json.dumps(document, indent=2))

    assert script is not None
    assert [turn.text for turn in script.turns] == ["a", TokenCount(tokens=3)]


def test_every_field_of_a_turn_is_read() -> None:
    turn = {
        "text": "Hi",
        "refusal": "No",
        "calls": [{"name": "f", "arguments": {"a": [1]}, "id": ""}, {"name": "g"}],
        "rate": 20,
        "delay": 1,
        "first_token_delay": 0.5,
        "stall_after": 2,
        "stall": 3,
        "stall_times": 1,
        "cut_after": 4,
        "cut_times": 2,
        "fail": {"status": 429, "retry_after": 2, "message": "m", "code": "c", "times": 2},
        "finish": "length",
        "malformed": True,
        "usage": {"prompt_tokens": 1, "completion_tokens": 2},
        "fragments": "whole",
    }

    read_turn = read({"turns": [turn], "name": "all"}).turns[0]

    expected = {**turn, "calls": [turn["calls"][0], {"name": "g", "arguments": {}, "id": None}]}  # type: ignore[index]
    assert read_turn.model_dump() == expected


def test_raw_arguments_are_kept_as_they_are_and_objects_are_written_without_spaces() -> None:
    calls = [
        {"name": "f", "arguments": '{"broken": '},
        {"name": "f", "arguments": {"city": "Málaga", "days": 2}},
        {"name": "f"},
    ]

    written = [call.raw_arguments for call in read({"turns": [{"calls": calls}]}).turns[0].calls]

    assert written == ['{"broken": ', '{"city":"Málaga","days":2}', "{}"]


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ([], "Input should be a valid dictionary"),
        ({}, "turns: Field required"),
        ({"turns": {}}, "turns: Input should be a valid list"),
        ({"turns": [{"txet": "a"}]}, "turns[0].txet: Extra inputs are not permitted"),
        ({"turns": [{}, {"rate": 0}]}, "turns[1].rate: Input should be greater than 0"),
        ({"turns": [{"rate": "fast"}]}, "turns[0].rate: Input should be a valid number"),
        ({"turns": [{"text": 3}]}, "turns[0].text: Input should be a valid string"),
        ({"turns": [{"text": {"tokens": -1}}]}, "turns[0].text.tokens: Input should be greater"),
        ({"turns": [{"text": {"token": 1}}]}, "turns[0].text.tok"),
        ({"turns": [{"calls": [{}]}]}, "turns[0].calls[0].name: Field required"),
        ({"turns": [{"calls": [{"name": "f", "arguments": 1}]}]}, "turns[0].calls[0].arguments:"),
        ({"turns": [{"fail": {}}]}, "turns[0].fail.status: Field required"),
        ({"turns": [{"fail": {"status": 200}}]}, "turns[0].fail.status: Input should be greater"),
        ({"turns": [{"delay": 601}]}, "turns[0].delay: Input should be less than"),
        ({"turns": [{"stall": 1}]}, "turns[0]: Value error, 'stall' needs 'stall_after' beside it"),
        ({"turns": [{"cut_times": 1}]}, "'cut_times' needs 'cut_after' beside it"),
        ({"turns": [{"stall_after": 1, "stall": "long"}]}, "turns[0].stall: Input should be"),
        ({"turns": [{"finish": "done"}]}, "turns[0].finish: Input should be 'stop'"),
        ({"turns": [{"usage": True}]}, "turns[0].usage: Input should be"),
        ({"turns": [{"fragments": "tiny"}]}, "turns[0].fragments: Input should be 'pieces'"),
    ],
)
def test_a_mistake_is_refused_with_its_place(document: object, complaint: str) -> None:
    error = refusal("@script " + json.dumps(document))

    assert (error.status, error.param, error.code) == (400, "messages", "invalid_script")
    assert complaint in error.message


def test_a_mistake_in_the_json_is_refused_with_its_line() -> None:
    error = refusal('Hello\n@script {"turns": [\n  {"text": }\n]}')

    assert "not JSON: Expecting value (its line 2, column 12)" in error.message


@pytest.mark.parametrize("text", ["@script", "@script ", "@script now", "@script{", "@script nul"])
def test_a_line_that_looks_like_a_script_is_never_taken_for_a_text(text: str) -> None:
    assert "not JSON" in refusal(text).message


def test_numbers_that_json_does_not_have_are_refused() -> None:
    assert "NaN is not JSON" in refusal('@script {"turns": [{"rate": NaN}]}').message


def test_a_number_beyond_all_bounds_is_refused() -> None:
    assert "turns[0].delay" in refusal('@script {"turns": [{"delay": 1e999}]}').message


def test_a_bottomless_script_is_refused() -> None:
    assert "nested too deeply" in refusal("@script " + "[" * 1_000_000).message


def test_two_scripts_in_one_message_are_refused() -> None:
    assert "only one" in refusal('@script {"turns": []}\n@script {"turns": []}').message


def test_a_refusal_quotes_nothing_of_the_message() -> None:
    for text in ('@script {"turns": [{"text": ["swordfish"]}]}', "@script swordfish"):
        assert "swordfish" not in refusal(text).message
