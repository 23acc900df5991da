"""When the parts of an answer are sent, and where its stream breaks."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.scripted_model.reply import Call, Faults, Pace, Reply, Stall
from infra.local.scripted_model.script import FragmentStyle
from infra.local.scripted_model.timeline import Cut, Delta, Finish, Garbage, build_timeline
from infra.local.scripted_model.tokens import number_tokens, split_text


def reply(
    text: tuple[str, ...] = (),
    *,
    refusal: tuple[str, ...] = (),
    calls: tuple[Call, ...] = (),
    first_token_delay: float = 0,
    faults: Faults | None = None,
    fragments: FragmentStyle = "pieces",
) -> Reply:
    return Reply(
        text=text,
        refusal=refusal,
        calls=calls,
        finish="stop",
        usage=None,
        pace=Pace(10, first_token_delay=first_token_delay),
        faults=faults or Faults(),
        fragments=fragments,
    )


def times(answer: Reply) -> list[tuple[str, float]]:
    """Name each event: a token by its text, any other by its kind."""
    named = []
    for timed in build_timeline(answer):
        name = type(timed.event).__name__
        if isinstance(timed.event, Delta):
            name = str(timed.event.fields.get("content", "?")) if timed.event.is_token else "role"
        named.append((name, round(timed.at, 9)))
    return named


ABC = ("a", "b", "c")


@given(
    st.text(),
    st.text(max_size=30),
    st.lists(st.text(max_size=30), max_size=3),
    st.sampled_from(get_args(FragmentStyle)),
)
def test_the_deltas_of_any_answer_join_to_the_answer(
    text: str, refusal: str, arguments: list[str], fragments: FragmentStyle
) -> None:
    calls = tuple(Call(f"call_{n}", f"f{n}", raw) for n, raw in enumerate(arguments))
    answer = reply(split_text(text), refusal=split_text(refusal), calls=calls, fragments=fragments)

    said: dict[str, str] = {"content": "", "refusal": "", "arguments": ""}
    for timed in build_timeline(answer):
        fields: dict[str, Any] = timed.event.fields if isinstance(timed.event, Delta) else {}
        said["content"] += fields.get("content") or ""
        said["refusal"] += fields.get("refusal") or ""
        if fragments != "interleaved":  # whose order of pieces is not that of the calls
            for fragment in fields.get("tool_calls", ()):
                said["arguments"] += fragment["function"].get("arguments", "")

    joined = "" if fragments == "interleaved" else "".join(arguments)
    assert said == {"content": text, "refusal": refusal, "arguments": joined}


@given(
    st.integers(0, 30),
    st.none() | st.integers(0, 40),
    st.none() | st.builds(Stall, st.integers(0, 40), st.floats(0, 600)),
    st.booleans(),
)
def test_time_never_runs_backwards_and_every_stream_ends_once(
    tokens: int, cut_after: int | None, stall: Stall | None, malformed: bool
) -> None:
    faults = Faults(stall, cut_after, malformed)

    timeline = build_timeline(reply(number_tokens(tokens), faults=faults))

    moments = [timed.at for timed in timeline]
    endings = [timed for timed in timeline if isinstance(timed.event, Cut | Finish)]
    garbage = [timed for timed in timeline if isinstance(timed.event, Garbage)]
    assert moments == sorted(moments)
    assert endings == timeline[-1:]
    assert isinstance(timeline[-1].event, Finish) == (cut_after is None)
    assert len(garbage) == (malformed and not (cut_after == 0 and tokens > 0))


def test_tokens_come_at_the_rate_and_the_end_comes_with_the_last() -> None:
    assert times(reply(ABC)) == [("role", 0), ("a", 0), ("b", 0.1), ("c", 0.2), ("Finish", 0.2)]


def test_a_delay_of_the_first_token_delays_all_tokens_but_not_the_role() -> None:
    assert times(reply(ABC[:2], first_token_delay=3)) == [
        ("role", 0),
        ("a", 3),
        ("b", 3.1),
        ("Finish", 3.1),
    ]


def test_the_ten_thousandth_token_is_as_punctual_as_the_first() -> None:
    last = build_timeline(reply(number_tokens(10_001)))[-2]

    assert last.at == 1_000


def test_a_stall_moves_everything_behind_it() -> None:
    assert times(reply(ABC, faults=Faults(stall=Stall(2, 5)))) == [
        ("role", 0),
        ("a", 0),
        ("b", 0.1),
        ("c", 5.2),
        ("Finish", 5.2),
    ]


@pytest.mark.parametrize("after", [3, 4, 100])
def test_a_fault_beyond_the_last_token_happens_behind_it(after: int) -> None:
    assert times(reply(ABC, faults=Faults(stall=Stall(after, 5))))[-2:] == [
        ("c", 0.2),
        ("Finish", 5.2),
    ]
    assert times(reply(ABC, faults=Faults(cut_after=after)))[-2:] == [("c", 0.2), ("Cut", 0.2)]


def test_a_cut_ends_the_stream_when_the_next_token_would_come() -> None:
    assert times(reply(ABC, faults=Faults(cut_after=1))) == [("role", 0), ("a", 0), ("Cut", 0.1)]


def test_a_cut_may_come_before_the_first_token() -> None:
    assert times(reply(ABC, faults=Faults(cut_after=0))) == [("role", 0), ("Cut", 0)]


def test_a_stall_comes_before_a_cut_at_the_same_place() -> None:
    assert times(reply(ABC, faults=Faults(Stall(1, 5), cut_after=1)))[-1] == ("Cut", 5.1)


def test_something_malformed_follows_the_first_token() -> None:
    names = [name for name, _at in times(reply(ABC, faults=Faults(malformed=True)))]

    assert names == ["role", "a", "Garbage", "b", "c", "Finish"]


def test_an_empty_answer_has_a_role_and_an_end() -> None:
    assert times(reply()) == [("role", 0), ("Finish", 0)]


def test_text_comes_before_the_refusal_and_the_calls() -> None:
    answer = reply(("a",), refusal=("no",), calls=(Call("call_1", "f", ""),))

    fields = [list(t.event.fields) for t in build_timeline(answer) if isinstance(t.event, Delta)]

    assert fields == [["role", "content", "refusal"], ["content"], ["refusal"], ["tool_calls"]]


def test_the_opening_has_an_empty_content_only_if_a_text_follows() -> None:
    def opening(answer: Reply) -> object:
        event = build_timeline(answer)[0].event
        assert isinstance(event, Delta)
        return event.fields["content"]

    call = (Call("call_1", "f", ""),)
    assert opening(reply(("a",))) == ""
    assert opening(reply(("a",), calls=call)) == ""
    assert opening(reply()) == ""
    assert opening(reply(calls=call)) is None
    assert opening(reply(refusal=("no",))) is None
