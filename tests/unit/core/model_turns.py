"""What models say, cut as providers cut it: strategies for random turns."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from core.model import CallFragment, ModelChunk
from tests.support.model import USAGE

Addressing = Literal["index", "none", "zero"]
PROVIDERS_ID = "call_p"
OBJECTS = st.sampled_from(
    ["{}", '{"a": 1}', '{"city": "Köln", "days": [1, 2, 3]}', '{"q": "\\"}{\\u00e9 \U0001f600"}']
)
ANYTHING = st.one_of(
    OBJECTS, st.sampled_from(["", "[1, 2]", "12", '{"broken": ', "nonsense }{", " "])
)
NAMES = st.sampled_from(["f", "g", "get_weather", "look-up", "see_\U0001f52d"])
# The halves of a character that some providers send apart.
HALVES = ("\ud83d", "\ude00")


@dataclass(frozen=True)
class SaidCall:
    """A call as the model meant it; `id` is what the provider calls it, if it does."""

    id: str | None
    name: str
    arguments: str


@dataclass(frozen=True)
class SaidCalls:
    """Calls and the fragments that they came in."""

    calls: tuple[SaidCall, ...]
    fragments: tuple[CallFragment, ...]


def cut(draw: Callable[..., Any], text: str, most: int = 5) -> list[str]:
    """Cut a text into pieces, none of them empty; some begin or end with half a character."""
    units = utf16(text)
    length = len(units)
    places = draw(st.lists(st.integers(1, max(1, length - 1)), max_size=most - 1, unique=True))
    edges = [0, *sorted(place for place in places if place < length), length]
    return [_text(units[start:end]) for start, end in pairwise(edges) if start < end]


def utf16(text: str) -> str:
    """Return a text as its UTF-16 units: characters beyond the first plane are two of them."""
    data = text.encode("utf-16-le", "surrogatepass")
    return "".join(
        chr(int.from_bytes(data[at : at + 2], "little")) for at in range(0, len(data), 2)
    )


def _text(units: str) -> str:
    """Return what a provider's JSON spells with these units."""
    spelled: str = json.loads(json.dumps(units))
    return spelled


@st.composite
def said_calls(
    draw: DrawFn, names: SearchStrategy[str] = NAMES, arguments: SearchStrategy[str] = ANYTHING
) -> SaidCalls:
    """Draw calls in one of the ways in which providers are known to send them."""
    addressing: Addressing = draw(st.sampled_from(["index", "none", "zero"]))
    ways = ["first", "every", "never", "same"]
    if addressing == "index":
        ways += ["late", "changing"]
    ids = draw(st.sampled_from(ways))
    # Without an index and an id of its own, only a name after whole arguments begins a call.
    told_apart_by_name = addressing != "index" and ids in ("never", "same")
    count = draw(st.integers(1, 4))
    calls = [
        SaidCall(
            None if ids == "never" else PROVIDERS_ID + ("" if ids == "same" else str(number)),
            draw(names),
            draw(OBJECTS if told_apart_by_name else arguments),
        )
        for number in range(count)
    ]
    pieces = [
        _fragments(draw, call, number, addressing, ids, told_apart_by_name)
        for number, call in enumerate(calls)
    ]
    if addressing == "index" and draw(st.booleans()):
        return _interleaved(draw, calls, pieces)
    return SaidCalls(tuple(calls), tuple(piece for each in pieces for piece in each))


def _fragments(
    draw: DrawFn,
    call: SaidCall,
    number: int,
    addressing: Addressing,
    ids: str,
    told_apart_by_name: bool,
) -> list[CallFragment]:
    nothing = draw(st.sampled_from([None, ""]))
    arguments: list[str | None] = [*cut(draw, call.arguments)]
    names: list[str | None] = [call.name]
    manner = draw(st.sampled_from(["whole", "name first", "name in pieces", "name late", "every"]))
    if told_apart_by_name:
        manner = "whole"
    if manner == "whole" or not arguments:
        names += [nothing] * max(0, len(arguments) - 1)
    elif manner == "every" and ids != "changing" and call.arguments.startswith("{"):
        if draw(st.booleans()):
            arguments = [nothing, nothing, *arguments]
        names *= len(arguments)
    elif manner == "name late" and addressing == "index":
        names = [nothing, call.name, *[nothing] * max(0, len(arguments) - 2)]
    elif manner == "name in pieces" and ids != "changing" and len(set(call.name)) > 1:
        names = [*cut(draw, call.name, 2)]
        names = [call.name] if len(set(names)) < len(names) else names
        arguments = [*[nothing] * len(names), *arguments]
    else:
        arguments = [nothing, *arguments]
    length = max(len(names), len(arguments))
    names += [nothing] * (length - len(names))
    arguments += [nothing] * (length - len(arguments))
    index = {"index": number, "zero": 0, "none": None}[addressing]
    told = _ids(call, ids, length, nothing)
    return [CallFragment(index, *piece) for piece in zip(told, names, arguments, strict=True)]


def _ids(call: SaidCall, ids: str, length: int, nothing: str | None) -> list[str | None]:
    if ids == "every":
        return [call.id] * length
    if ids == "late":
        return [*[nothing] * (length - 1), call.id]
    if ids == "changing":
        return [call.id, *(f"{call.id}_{number}" for number in range(1, length))]
    return [call.id, *[nothing] * (length - 1)]


def _interleaved(
    draw: DrawFn, calls: Sequence[SaidCall], pieces: Sequence[list[CallFragment]]
) -> SaidCalls:
    """Mix the calls' fragments: each call keeps its order, and its name comes before the mixing."""
    heads = [_until_named(fragments) for fragments in pieces]
    mixed = [piece for head in heads for piece in head]
    rests = [fragments[len(head) :] for fragments, head in zip(pieces, heads, strict=True)]
    order = draw(st.permutations([n for n, rest in enumerate(rests) for _ in rest]))
    mixed += [rests[number].pop(0) for number in order]
    return SaidCalls(tuple(calls), tuple(mixed))


def _until_named(fragments: list[CallFragment]) -> list[CallFragment]:
    named = max(place for place, fragment in enumerate(fragments) if fragment.name)
    repeated = all(fragment.name for fragment in fragments)
    return fragments[: 1 if repeated else named + 1]


ANY_FRAGMENT = st.builds(
    CallFragment,
    st.none() | st.integers(0, 2),
    st.none() | st.sampled_from(["", "call_1", "call_2", "call_\ud83d"]),
    st.none() | st.sampled_from(["", "f", "g", *HALVES]),
    st.none() | st.sampled_from(["", "{", "}", "{}", '"a"', "1", *HALVES]),
)
ANY_CHUNK = st.builds(
    ModelChunk,
    text=st.none() | st.sampled_from(["", "Hel", "lo ", "\n", "é", *HALVES]),
    refusal=st.none() | st.none() | st.sampled_from(["", "No", ".", *HALVES]),
    calls=st.just(()) | st.lists(ANY_FRAGMENT, max_size=2).map(tuple),
    # Some servers count along and tell the usage so far with every chunk.
    usage=st.none() | st.just(USAGE),
)
