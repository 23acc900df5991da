"""Looks are quick when something is expected, few when nothing is, and never a busy loop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.stream_pace import (
    DOUBT_SECONDS,
    KEEPALIVE_SECONDS,
    LONGEST_SECONDS,
    QUICK_SECONDS,
    QUIET_SECONDS,
    StreamPace,
)

# What a look itself takes.
READ_SECONDS = 0.007


class Time:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Reader:
    """Follows batches that become readable at given moments, as a stream does."""

    def __init__(self, moments: list[float]) -> None:
        self.time = Time()
        self.pace = StreamPace(self.time, 840)
        self.moments = sorted(100.0 + moment for moment in moments)
        self.late: list[float] = []
        self.looks = 0

    def run(self) -> "Reader":
        """Look until everything is found."""
        waiting = list(self.moments)
        while waiting:
            found = [moment for moment in waiting if moment <= self.time.now]
            waiting = waiting[len(found) :]
            self.time.now += READ_SECONDS
            self.looks += 1
            self.late += [self.time.now - moment for moment in found]
            self.pace.looked(len(found))
            self.time.now += self.pace.pause()
        return self


def beat(first: float, period: float, count: int) -> list[float]:
    return [first + number * period for number in range(count)]


@pytest.mark.parametrize("period", [0.05, 0.055, 0.06])
def test_a_model_that_speaks_is_followed_closely_and_with_few_looks(period: float) -> None:
    reader = Reader(beat(0.4, period, 200)).run()
    settled = sorted(reader.late[20:])
    assert settled[int(len(settled) * 0.95)] <= 2 * (QUICK_SECONDS + READ_SECONDS)
    assert reader.looks <= 3 * 200 + 20


def test_a_model_that_speaks_slowly_is_late_by_a_quiet_pause_at_most() -> None:
    reader = Reader(beat(1.0, 0.21, 50)).run()
    assert max(reader.late) <= QUIET_SECONDS + 2 * READ_SECONDS


@pytest.mark.parametrize("thinking", [0.5, 2.0, 4.9])
def test_the_first_token_of_a_model_that_thinks_is_hardly_late(thinking: float) -> None:
    reader = Reader([0.0, thinking]).run()
    assert reader.late[1] <= QUIET_SECONDS + 2 * READ_SECONDS
    assert reader.looks <= thinking / QUIET_SECONDS + 10


def test_a_long_silence_costs_few_looks() -> None:
    reader = Reader([0.0, 600.0]).run()
    assert reader.looks <= 600 / LONGEST_SECONDS + 700
    assert reader.late[1] <= LONGEST_SECONDS + 2 * READ_SECONDS


@given(st.lists(st.floats(0.0, 3.0), min_size=1, max_size=40))
def test_no_look_follows_another_at_once_or_too_late(moments: list[float]) -> None:
    reader = Reader(moments).run()
    assert max(reader.late) <= QUIET_SECONDS + 2 * READ_SECONDS
    assert QUICK_SECONDS <= reader.pace.pause() <= LONGEST_SECONDS
    span = max(reader.moments) - 100.0
    assert reader.looks <= span / (QUICK_SECONDS + READ_SECONDS) + 2


def test_a_connection_hears_something_every_fifteen_seconds() -> None:
    time = Time()
    pace = StreamPace(time, 840)
    time.now += KEEPALIVE_SECONDS - LONGEST_SECONDS - 0.01
    due = [pace.keepalive_is_due]
    time.now += 0.01
    due.append(pace.keepalive_is_due)
    pace.sent()
    due.append(pace.keepalive_is_due)
    assert due == [False, True, False]


def test_the_run_itself_is_looked_at_when_its_log_is_silent_for_long() -> None:
    time = Time()
    pace = StreamPace(time, 840)
    doubtful = []
    time.now += DOUBT_SECONDS
    doubtful.append(pace.run_is_doubtful)
    pace.asked()
    doubtful.append(pace.run_is_doubtful)
    time.now += DOUBT_SECONDS
    doubtful.append(pace.run_is_doubtful)
    pace.looked(1)
    doubtful.append(pace.run_is_doubtful)
    assert doubtful == [True, False, True, False]


def test_a_stream_lasts_as_long_as_it_may() -> None:
    time = Time()
    pace = StreamPace(time, 840)
    up = []
    for seconds in (839.9, 0.1):
        time.now += seconds
        up.append(pace.time_is_up)
    assert up == [False, True]


def test_a_table_that_does_not_answer_is_noticed() -> None:
    time = Time()
    pace = StreamPace(time, 840)
    time.now += 3
    silent = [pace.unanswered_seconds]
    pace.looked(0)
    assert [*silent, pace.unanswered_seconds] == [3, 0]
