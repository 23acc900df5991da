"""What is remembered for a while."""

import pytest

from core.expiring import Expiring


@pytest.fixture
def now() -> list[float]:
    """The time, which tests move."""
    return [0.0]


@pytest.fixture
def kept(now: list[float]) -> Expiring[str, int]:
    return Expiring(2, lambda: now[0])


def test_a_value_is_there_until_its_time_ends(kept: Expiring[str, int], now: list[float]) -> None:
    kept.put("a", 1, until=10)
    now[0] = 9.9
    assert kept.get("a") == 1
    now[0] = 10
    assert kept.get("a") is None
    assert kept.get("b") is None


def test_of_too_many_those_that_were_put_first_are_forgotten(kept: Expiring[str, int]) -> None:
    kept.put("a", 1, until=10)
    kept.put("b", 2, until=10)
    kept.put("a", 3, until=10)
    kept.put("c", 4, until=10)
    assert [kept.get(key) for key in "abc"] == [3, None, 4]


def test_a_value_is_dropped_unless_there_is_another_by_now(kept: Expiring[str, int]) -> None:
    kept.put("a", 1, until=10)
    kept.drop("a", 2)
    assert kept.get("a") == 1
    kept.drop("a", 1)
    kept.drop("b")
    assert kept.get("a") is None
    kept.put("a", 1, until=10)
    kept.drop("a")
    assert kept.get("a") is None
