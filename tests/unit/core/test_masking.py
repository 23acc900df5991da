"""A secret that a service repeats is hidden, however the response writes it."""

import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.masking import Mask

SECRETS = st.text(st.characters(codec="ascii", min_codepoint=32), min_size=4, max_size=30)
WRITERS: list[Callable[[str], str]] = [
    str,
    str.upper,
    quote,
    lambda text: quote(text, safe=""),
    lambda text: quote(text, safe="").lower(),
    quote_plus,
    html.escape,
    json.dumps,
    lambda text: json.dumps(text).replace("/", "\\/"),
]


@given(secret=SECRETS, write=st.sampled_from(WRITERS), around=st.text("xyz \n", max_size=9))
def test_a_secret_is_hidden_however_it_is_written(
    secret: str, write: Callable[[str], str], around: str
) -> None:
    written = write(secret)
    hidden = Mask([secret]).hide(f"{around}{written}{around}{written}")
    assert written.strip('"') not in hidden
    assert "***" in hidden


def test_the_whole_of_a_secret_is_hidden_where_one_is_a_part_of_another() -> None:
    assert Mask(["pass", "user:passport"]).hide("a user:passport, a pass") == "a ***, a ***"


@pytest.mark.parametrize("secret", ["", "a", "abc"])
def test_what_stands_everywhere_by_chance_is_left(secret: str) -> None:
    assert Mask([secret]).hide("abc a") == "abc a"


def test_without_secrets_a_text_stays_as_it_is() -> None:
    assert Mask([]).hide("*** text", cut=True) == "*** text"


@given(secret=SECRETS, kept=st.integers(1, 30))
def test_half_a_secret_at_the_end_of_a_cut_text_is_left_out(secret: str, kept: int) -> None:
    half = secret[: min(kept, len(secret) - 1)]
    hidden = Mask([secret]).hide("\x01" * 100 + half, cut=True)
    assert hidden == "\x01" * len(hidden)
    assert len(hidden) > 0
