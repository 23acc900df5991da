"""The ways of cutting tool calls into fragments."""

import itertools
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.scripted_model.fragments import cut_calls
from infra.local.scripted_model.reply import Call
from infra.local.scripted_model.script import FragmentStyle

CALLS = st.lists(
    st.builds(
        Call,
        id=st.uuids().map(str),
        name=st.from_regex(r"\A[a-z_]{1,20}\Z"),
        arguments=st.text(max_size=60),
    ),
    max_size=4,
)
STYLES: tuple[FragmentStyle, ...] = get_args(FragmentStyle)
TWO = [Call("call_a", "first", '{"city":"Oslo"}'), Call("call_b", "second", "{}")]


def put_together(fragments: list[dict[str, Any]]) -> list[Call]:
    """Assemble fragments as a patient client does, whatever is missing in them."""
    parts: dict[int, dict[str, str]] = {}
    begun = itertools.count()
    place = -1
    for fragment in fragments:
        if "index" in fragment:
            place = fragment["index"]
        elif fragment["function"].get("name"):
            place = next(begun)
        part = parts.setdefault(place, {"id": "", "name": "", "arguments": ""})
        part["id"] += fragment.get("id", "")
        for field in ("name", "arguments"):
            part[field] += fragment["function"].get(field, "")
    return [Call(**parts[place]) for place in sorted(parts)]


@given(CALLS, st.sampled_from(STYLES))
def test_the_fragments_of_any_calls_join_to_the_calls(
    calls: list[Call], style: FragmentStyle
) -> None:
    expected = [Call("", c.name, c.arguments) for c in calls] if style == "no_id" else calls

    assert put_together(cut_calls(calls, style)) == expected


@pytest.mark.parametrize("style", STYLES)
def test_no_calls_have_no_fragments(style: FragmentStyle) -> None:
    assert cut_calls([], style) == []


def test_pieces_begin_with_the_name_and_go_on_with_eight_characters_each() -> None:
    assert cut_calls(TWO, "pieces") == [
        {
            "index": 0,
            "id": "call_a",
            "type": "function",
            "function": {"name": "first", "arguments": ""},
        },
        {"index": 0, "function": {"arguments": '{"city":'}},
        {"index": 0, "function": {"arguments": '"Oslo"}'}},
        {
            "index": 1,
            "id": "call_b",
            "type": "function",
            "function": {"name": "second", "arguments": ""},
        },
        {"index": 1, "function": {"arguments": "{}"}},
    ]


def test_whole_calls_are_one_fragment_each() -> None:
    assert [f["function"] for f in cut_calls(TWO, "whole")] == [
        {"name": "first", "arguments": '{"city":"Oslo"}'},
        {"name": "second", "arguments": "{}"},
    ]


def test_fragments_may_lack_every_index_or_every_id() -> None:
    assert not any("index" in fragment for fragment in cut_calls(TWO, "no_index"))
    assert not any("id" in fragment for fragment in cut_calls(TWO, "no_id"))


def test_later_fragments_may_have_an_empty_id_and_an_empty_name() -> None:
    later = cut_calls(TWO, "empty_names")[1]

    assert later == {
        "index": 0,
        "id": "",
        "type": "function",
        "function": {"name": "", "arguments": '{"city":'},
    }


def test_the_arguments_may_come_before_the_name() -> None:
    names = ["name" in f["function"] for f in cut_calls(TWO, "arguments_first")]  # type: ignore[operator]

    assert names == [False, False, True, False, True]


def test_the_fragments_of_several_calls_may_alternate() -> None:
    assert [f["index"] for f in cut_calls(TWO, "interleaved")] == [0, 1, 0, 1, 0]
