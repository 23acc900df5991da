"""How the scripted model cuts texts into tokens."""

from hypothesis import given
from hypothesis import strategies as st

from infra.local.scripted_model.tokens import estimate_tokens, number_tokens, split_text


@given(st.text())
def test_the_pieces_of_any_text_join_to_the_text(text: str) -> None:
    assert "".join(split_text(text)) == text


@given(st.text(alphabet=" \t\n ab", max_size=50))
def test_the_pieces_of_a_text_full_of_white_space_join_to_it_and_stay_short(text: str) -> None:
    pieces = split_text(text)

    assert "".join(pieces) == text
    assert all(1 <= len(piece) <= 7 for piece in pieces)


def test_an_empty_text_has_no_tokens() -> None:
    assert split_text("") == ()


def test_a_token_of_english_prose_is_about_four_characters_long() -> None:
    prose = "The quick brown fox jumps over the lazy dog, and nobody was surprised by that. " * 20

    assert 3.5 < len(prose) / len(split_text(prose)) < 5


def test_numbered_tokens_are_distinct_and_count_up() -> None:
    tokens = number_tokens(1_000)

    assert len(set(tokens)) == 1_000
    assert "".join(tokens).split() == [str(number) for number in range(1, 1_001)]


def test_an_estimate_is_a_quarter_of_the_characters_rounded_up() -> None:
    assert [estimate_tokens(length) for length in (0, 1, 4, 5, 400)] == [0, 1, 1, 2, 100]
