"""The ways in which providers cut tool calls into the fragments of a stream."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, zip_longest

from infra.local.scripted_model.reply import Call
from infra.local.scripted_model.script import FragmentStyle

Fragment = dict[str, object]
"""An entry of a delta's `tool_calls`."""

_PIECE_LENGTH = 8


def cut_calls(calls: Sequence[Call], style: FragmentStyle) -> list[Fragment]:
    """Cut calls into fragments.

    Args:
        calls: The calls, in order.
        style: How to do it; `docs/scripted-model.md` describes each way.

    Returns:
        The fragments in the order in which they are streamed.
    """
    if style == "interleaved":
        rounds = zip_longest(*(_in_pieces(place, call) for place, call in enumerate(calls)))
        return [fragment for fragment in chain.from_iterable(rounds) if fragment is not None]
    cut = _STYLES[style]
    return list(chain.from_iterable(cut(place, call) for place, call in enumerate(calls)))


def _in_pieces(place: int, call: Call) -> Iterator[Fragment]:
    yield _begin(place, call, "")
    for piece in _split(call.arguments):
        yield {"index": place, "function": {"arguments": piece}}


def _whole(place: int, call: Call) -> Iterator[Fragment]:
    yield _begin(place, call, call.arguments)


def _without_index(place: int, call: Call) -> Iterator[Fragment]:
    for fragment in _in_pieces(place, call):
        del fragment["index"]
        yield fragment


def _without_id(place: int, call: Call) -> Iterator[Fragment]:
    for fragment in _in_pieces(place, call):
        fragment.pop("id", None)
        yield fragment


def _with_empty_names(place: int, call: Call) -> Iterator[Fragment]:
    yield _begin(place, call, "")
    for piece in _split(call.arguments):
        function = {"name": "", "arguments": piece}
        yield {"index": place, "id": "", "type": "function", "function": function}


def _arguments_first(place: int, call: Call) -> Iterator[Fragment]:
    for piece in _split(call.arguments):
        yield {"index": place, "function": {"arguments": piece}}
    yield _begin(place, call, "")


def _begin(place: int, call: Call, arguments: str) -> Fragment:
    function = {"name": call.name, "arguments": arguments}
    return {"index": place, "id": call.id, "type": "function", "function": function}


def _split(arguments: str) -> list[str]:
    starts = range(0, len(arguments), _PIECE_LENGTH)
    return [arguments[start : start + _PIECE_LENGTH] for start in starts]


_STYLES: dict[str, Callable[[int, Call], Iterator[Fragment]]] = {
    "pieces": _in_pieces,
    "whole": _whole,
    "no_index": _without_index,
    "no_id": _without_id,
    "empty_names": _with_empty_names,
    "arguments_first": _arguments_first,
}
