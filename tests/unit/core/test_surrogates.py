"""Characters that arrive in halves: what can be put together is, and all of it can be written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.surrogates import TextPieces, whole_text
from tests.unit.core.model_turns import cut, utf16

UNITS = st.text(st.sampled_from("a\ud83d\ude00\ud800\udfff\U0001f600é"), max_size=8)


@given(st.text())
def test_any_text_cut_anywhere_into_utf16_units_arrives_as_it_was(text: str) -> None:
    pieces = TextPieces()
    assert "".join(pieces.push(unit) for unit in utf16(text)) + pieces.finish() == text
    assert whole_text(utf16(text)) == whole_text(text) == text


@given(UNITS, st.data())
def test_pieces_are_together_what_the_whole_is(text: str, data: st.DataObject) -> None:
    pieces = TextPieces()
    given_pieces = [pieces.push(piece) for piece in cut(data.draw, text)] + [pieces.finish()]
    assert "".join(given_pieces) == whole_text(text)
    for piece in given_pieces:
        piece.encode()


@given(UNITS)
def test_a_half_that_is_alone_becomes_one_mark_and_no_other_character_changes(text: str) -> None:
    whole = whole_text(text)
    whole.encode()
    assert len(utf16(whole)) == len(utf16(text))
    assert whole_text(whole) == whole
    for before, after in zip(utf16(text), utf16(whole), strict=True):
        assert after in (before, "\ufffd")


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", ""),
        ("plain", "plain"),
        ("\ud83d\ude00", "\U0001f600"),
        ("\ud83d", "\ufffd"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        ("\ud83dx\ude00", "\ufffdx\ufffd"),
    ],
)
def test_pairs_are_put_together_and_halves_are_marked(text: str, whole: str) -> None:
    assert whole_text(text) == whole


def test_a_first_half_waits_and_a_second_does_not() -> None:
    pieces = TextPieces()
    assert [pieces.push(piece) for piece in ("a\ud83d", "", "\ude00b", "\ude00")] == [
        "a",
        "",
        "\U0001f600b",
        "\ufffd",
    ]
    assert [pieces.push("\ud83d"), pieces.finish(), pieces.finish()] == ["", "\ufffd", ""]
