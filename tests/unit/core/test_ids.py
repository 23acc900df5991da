"""Ids sort in the order in which one source made them, whatever its clock does."""

import re
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import IdSource, is_well_formed

LAST_MS = 2**48 - 1
TIMES = st.lists(st.integers(0, LAST_MS), min_size=1, max_size=30)


def source(times: list[int], bits: int = 0) -> IdSource:
    """Return a source whose clock shows these times one after the other."""
    clock = iter(times)
    return IdSource(lambda: next(clock), lambda _: bits)


@given(times=TIMES, bits=st.integers(0, 2**80 - 1))
def test_ids_sort_by_their_making_even_if_the_clock_stands_or_goes_back(
    times: list[int], bits: int
) -> None:
    ids = source(times, bits)
    made = [ids.new("msg") for _ in times]
    assert made == sorted(set(made))


@given(early=st.integers(0, LAST_MS - 1), bits=st.integers(0, 2**80 - 1))
def test_an_id_of_a_later_millisecond_sorts_after_those_of_another_source(
    early: int, bits: int
) -> None:
    assert source([early], bits).new("run") < source([early + 1], 0).new("run")


def test_the_same_millisecond_counts_the_random_part_up() -> None:
    ids = source([5, 5, 5], bits=31)
    assert [ids.new("x")[-3:] for _ in range(3)] == ["00z", "010", "011"]


def test_random_bits_that_are_used_up_run_over_into_the_time() -> None:
    ids = source([5, 5, 6], bits=2**80 - 1)
    assert [ids.new("x")[2:] for _ in range(3)] == [
        "0000000005zzzzzzzzzzzzzzzz",
        "00000000060000000000000000",
        "00000000060000000000000001",
    ]


@given(times=TIMES, bits=st.integers(0, 2**80 - 1), prefix=st.sampled_from(["msg", "thread"]))
def test_an_id_is_its_prefix_and_26_characters_that_nobody_confuses(
    times: list[int], bits: int, prefix: str
) -> None:
    made = source(times, bits).new(prefix)
    # Crockford's alphabet has no i, l, o and u; agency-swarm's clients look for `thread_(\w+)`.
    assert re.fullmatch(rf"{prefix}_[0-9a-hjkmnp-tv-z]{{26}}", made)
    assert is_well_formed(made)


def test_an_id_of_a_file_has_a_hyphen() -> None:
    made = source([5]).new("file", "-")
    assert re.fullmatch(r"file-[0-9a-z]{26}", made)
    assert is_well_formed(made)


def test_the_real_clock_and_real_randomness_give_ids_of_now() -> None:
    ids = IdSource()
    first, second = ids.new("run"), IdSource().new("run")
    assert len({first, second, ids.new("run")}) == 3
    # Sources of one machine agree on the time to within seconds: the first 7 of 10 characters.
    assert abs(_milliseconds(first) - _milliseconds(second)) < 60_000


def test_threads_that_share_a_source_get_different_ids() -> None:
    ids = IdSource(lambda: 1, lambda _: 0)
    made: list[list[str]] = [[] for _ in range(4)]

    def make(mine: list[str]) -> None:
        mine.extend(ids.new("msg") for _ in range(300))

    threads = [threading.Thread(target=make, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each for mine in made for each in mine}) == 1200
    assert all(mine == sorted(mine) for mine in made)


@pytest.mark.parametrize(
    "text", ["thread_abc", "file-A1", "asst_" + "x" * 64, "call_0", "run_01J8ZQ"]
)
def test_what_can_be_an_id_is_well_formed(text: str) -> None:
    assert is_well_formed(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "thread",
        "thread_",
        "_abc",
        "Thread_abc",
        "thread_abc#run",
        "thread_a/b",
        "thread_a b",
        "thread_abc\n",
        "thread_ä",
        "thread_\u0661",
        "thread_" + "x" * 65,
        "thread__abc",
        "../thread_abc",
    ],
)
def test_whatever_could_break_out_of_a_key_is_not_an_id(text: str) -> None:
    assert not is_well_formed(text)


def _milliseconds(identifier: str) -> int:
    value = 0
    for character in identifier.rpartition("_")[2][:10]:
        value = value * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(character)
    return value
