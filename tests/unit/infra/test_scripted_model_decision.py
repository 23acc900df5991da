"""What the model answers to a scripted request."""

import itertools
import json
from typing import Any

import pytest

from infra.local.scripted_model.chat_request import ChatRequest, parse_request
from infra.local.scripted_model.decision import CLOSING, decide
from infra.local.scripted_model.errors import ApiError
from infra.local.scripted_model.fault_counter import FaultCounter
from infra.local.scripted_model.reply import Call, Failure, Faults, Pace, Reply, Stall, Usage
from infra.local.scripted_model.script import LONGEST_WAIT_SECONDS


def request(script: object, *later: dict[str, Any], **fields: Any) -> ChatRequest:
    user = {"role": "user", "content": "@script " + json.dumps(script)}
    body = {"model": "m", "messages": [user, *later], **fields}
    return parse_request(json.dumps(body).encode())


def answer(asked: ChatRequest, faults: FaultCounter | None = None) -> Reply | Failure:
    numbers = itertools.count(1)
    return decide(
        asked,
        rate=40,
        faults=faults or FaultCounter(),
        new_id=lambda: f"call_{next(numbers)}",
    )


def reply(turn: dict[str, Any], faults: FaultCounter | None = None, **fields: Any) -> Reply:
    decision = answer(request({"turns": [turn]}, **fields), faults)
    assert isinstance(decision, Reply)
    return decision


def spoken(decision: Reply | Failure) -> str:
    assert isinstance(decision, Reply)
    return "".join(decision.text)


SAID = {"role": "assistant", "content": "said"}


def test_each_call_of_the_model_takes_the_next_turn() -> None:
    script = {"turns": [{"text": "first"}, {"text": "second"}]}

    assert spoken(answer(request(script))) == "first"
    assert spoken(answer(request(script, SAID))) == "second"


def test_the_same_request_gets_the_same_turn_however_often_it_is_sent() -> None:
    script = {"turns": [{"text": "first"}, {"text": "second"}]}
    faults = FaultCounter()

    assert [spoken(answer(request(script), faults)) for _ in range(3)] == ["first"] * 3


def test_a_script_without_further_turns_ends_in_a_closing_answer_that_says_what_it_is() -> None:
    assert spoken(answer(request({"turns": []}))) == CLOSING
    assert spoken(answer(request({"turns": [{"text": "a"}]}, SAID))) == CLOSING
    assert "not from a language model" in CLOSING


def test_a_later_message_without_a_script_is_answered_without_one() -> None:
    asked = request(
        {"turns": [{"text": "a"}, {"text": "b"}]}, SAID, {"role": "user", "content": "?"}
    )

    assert "not a language model" in spoken(answer(asked))


def test_a_turn_that_says_nothing_gets_a_text_of_its_own() -> None:
    assert spoken(answer(request({"turns": [{"rate": 5}]}))).startswith(
        "This is turn 1 of a script"
    )


def test_an_empty_text_stays_empty() -> None:
    assert reply({"text": ""}).text == ()


def test_numbered_tokens_take_the_place_of_a_text() -> None:
    assert reply({"text": {"tokens": 3}}).text == ("1", " 2", " 3")


def test_text_refusal_and_calls_go_together() -> None:
    together = reply({"text": "Hi", "refusal": "No", "calls": [{"name": "f"}]})

    assert (together.text, together.refusal) == (("Hi",), ("No",))
    assert together.calls == (Call("call_1", "f", "{}"),)


def test_a_call_has_the_id_of_the_script_even_an_empty_one() -> None:
    calls = [{"name": "f", "id": "mine"}, {"name": "f", "id": ""}, {"name": "f"}]

    assert [call.id for call in reply({"calls": calls}).calls] == ["mine", "", "call_1"]


def test_calls_are_made_as_scripted_whether_or_not_the_tool_is_offered_and_allowed() -> None:
    turn = {"calls": [{"name": "unheard_of", "arguments": "not json"}]}

    assert reply(turn, tool_choice="none").calls == (Call("call_1", "unheard_of", "not json"),)


def test_the_finish_reason_follows_from_the_answer_unless_the_script_gives_one() -> None:
    call = {"name": "f"}

    assert reply({"text": "a"}).finish == "stop"
    assert reply({"refusal": "a"}).finish == "stop"
    assert reply({"text": "a", "calls": [call]}).finish == "tool_calls"
    assert reply({"text": "a", "finish": "content_filter"}).finish == "content_filter"
    assert reply({"calls": [call], "finish": "stop"}).finish == "stop"


def test_the_pace_is_the_servers_unless_the_script_gives_one() -> None:
    assert reply({}).pace == Pace(40)
    assert reply({"rate": 7, "delay": 1, "first_token_delay": 2}).pace == Pace(7, 1, 2)


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_a_limit_of_tokens_ends_a_text_for_length(limit: str) -> None:
    limited = answer(request({"turns": [{"text": {"tokens": 9}}]}, **{limit: 4}))

    assert isinstance(limited, Reply)
    assert spoken(limited) == "1 2 3 4"
    assert limited.finish == "length"
    assert limited.usage is not None
    assert limited.usage.completion_tokens == 4


def test_a_limit_that_is_just_reached_cuts_nothing() -> None:
    exact = reply({"text": {"tokens": 4}}, max_completion_tokens=4)

    assert (len(exact.text), exact.finish) == (4, "stop")


def test_a_limit_of_tokens_ends_a_call_in_the_middle_of_its_arguments() -> None:
    turn = {
        "text": "Hi",
        "calls": [{"name": "find", "arguments": {"query": "lost"}}, {"name": "f"}],
    }

    limited = reply(turn, max_completion_tokens=4)

    assert limited.calls == (Call("call_1", "find", '{"query"'),)
    assert limited.finish == "length"
    assert limited.usage is not None
    assert limited.usage.completion_tokens == 4


def test_a_limit_that_leaves_no_room_for_a_name_leaves_out_the_call() -> None:
    limited = reply({"text": "Hi", "refusal": "No", "calls": [{"name": "f"}]}, max_tokens=1)

    assert (limited.text, limited.refusal, limited.calls) == (("Hi",), (), ())


def test_usage_is_estimated_from_the_characters_of_messages_and_answer() -> None:
    calling = {
        "role": "assistant",
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "abcd", "arguments": "1234"}}
        ],
    }
    result = {"role": "tool", "tool_call_id": "a", "content": "12345678"}
    script = {"turns": [{}, {"text": "a b", "calls": [{"name": "abcd", "arguments": "1234"}]}]}
    written = -(-len("@script " + json.dumps(script)) // 4)

    decision = answer(request(script, calling, result))

    assert isinstance(decision, Reply)
    assert decision.usage == Usage(written + 2 + 2, 2 + 2)


def test_usage_may_be_given_or_left_out() -> None:
    given = {"prompt_tokens": 5, "completion_tokens": 6}

    assert reply({"usage": given}).usage == Usage(5, 6)
    assert reply({"usage": False}).usage is None


def test_a_failure_takes_the_place_of_the_turn() -> None:
    fail = {"status": 503, "message": "Busy", "code": "busy", "retry_after": 1.5}

    decision = answer(request({"turns": [{"fail": fail, "delay": 2, "text": "a"}]}))

    assert decision == Failure(503, "Busy", "busy", 1.5, 2)


def test_too_many_requests_have_openais_code_unless_the_script_gives_one() -> None:
    def code(fail: dict[str, Any]) -> str | None:
        decision = answer(request({"turns": [{"fail": fail}]}))
        assert isinstance(decision, Failure)
        return decision.code

    assert code({"status": 429}) == "rate_limit_exceeded"
    assert code({"status": 429, "code": "insufficient_quota"}) == "insufficient_quota"
    assert code({"status": 500}) is None


def test_a_failure_may_happen_only_so_many_times() -> None:
    script = {"turns": [{"fail": {"status": 500, "times": 2}, "text": "a"}]}
    faults = FaultCounter()

    decisions = [type(answer(request(script), faults)) for _ in range(4)]

    assert decisions == [Failure, Failure, Reply, Reply]


def test_a_failure_without_a_number_of_times_always_happens() -> None:
    faults = FaultCounter()
    asked = request({"turns": [{"fail": {"status": 500}}]})

    assert {type(answer(asked, faults)) for _ in range(20)} == {Failure}


def test_failures_are_counted_for_each_script_and_each_turn() -> None:
    fail = {"fail": {"status": 500, "times": 1}}
    script = {"turns": [fail, fail]}
    faults = FaultCounter()

    assert isinstance(answer(request(script), faults), Failure)
    assert isinstance(answer(request(script, SAID), faults), Failure)
    assert isinstance(answer(request({**script, "name": "another"}), faults), Failure)
    assert isinstance(answer(request(script), faults), Reply)
    assert isinstance(answer(request(script, SAID), faults), Reply)


def test_cuts_and_stalls_may_happen_only_so_many_times_each() -> None:
    turn = {"cut_after": 3, "cut_times": 1, "stall_after": 2, "stall": 5, "stall_times": 2}
    faults = FaultCounter()

    assert [reply(turn, faults).faults for _ in range(3)] == [
        Faults(Stall(2, 5), 3),
        Faults(Stall(2, 5), None),
        Faults(None, None),
    ]


def test_a_stall_for_ever_lasts_as_long_as_possible_and_ends_in_a_cut() -> None:
    for turn in ({"stall_after": 2}, {"stall_after": 2, "stall": "forever", "cut_after": 9}):
        assert reply(turn).faults == Faults(Stall(2, LONGEST_WAIT_SECONDS), 2)


def test_a_cut_before_a_stall_for_ever_comes_first() -> None:
    assert reply({"stall_after": 5, "cut_after": 2}).faults.cut_after == 2


def test_malformed_chunks_and_the_style_of_fragments_are_taken_over() -> None:
    odd = reply({"malformed": True, "fragments": "interleaved"})

    assert (odd.faults.malformed, odd.fragments) == (True, "interleaved")


def test_a_broken_script_and_a_broken_conversation_are_refused() -> None:
    orphan = {"role": "tool", "tool_call_id": "a", "content": ""}

    for asked in (request({"turns": 1}), request({"turns": []}, orphan)):
        with pytest.raises(ApiError):
            answer(asked)
