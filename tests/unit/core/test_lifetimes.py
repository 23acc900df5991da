"""When what has a time to live is deleted: never while it is used, and soon after it was not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.lifetimes import ThreadLock, run_rest_seconds, thread_rest_seconds
from tests.support.runs import NOW, run_record

TTLS = st.integers(60, 315_360_000)


@given(ttl=TTLS, idle=st.integers(0, 400_000_000))
def test_an_idle_thread_is_deleted_once_it_has_lain_idle_for_its_time(ttl: int, idle: int) -> None:
    lock = ThreadLock(last_active=NOW - idle, ttl_seconds=ttl)
    rest = thread_rest_seconds(lock, now=NOW)
    assert rest is not None
    assert (rest == 0) is (idle >= ttl)
    assert thread_rest_seconds(lock, now=NOW + rest) == 0


@given(ttl=TTLS, busy=st.integers(0, 2_592_000))
def test_a_thread_with_an_active_run_is_left_alone_for_as_long_as_that_could_be_idle(
    ttl: int, busy: int
) -> None:
    lock = ThreadLock(active_run="run_1", last_active=NOW - busy, ttl_seconds=ttl)
    rest = thread_rest_seconds(lock, now=NOW)
    assert rest is not None
    # It cannot be due earlier, and it is found late by no more than the run has taken.
    assert ttl <= rest <= ttl + busy


def test_a_run_that_takes_a_month_is_not_looked_at_every_minute() -> None:
    lock = ThreadLock(active_run="run_1", last_active=NOW, ttl_seconds=60)
    now, looks = NOW, 0
    while now < NOW + 2_592_000:
        rest = thread_rest_seconds(lock, now=now)
        assert rest
        now += rest
        looks += 1
    assert looks < 20


@pytest.mark.parametrize(
    ("status", "stamp"),
    [
        ("completed", "completed_at"),
        ("incomplete", "completed_at"),
        ("failed", "failed_at"),
        ("cancelled", "cancelled_at"),
        ("expired", "expires_at"),
    ],
)
def test_a_runs_time_counts_from_its_end(status: Any, stamp: str) -> None:
    times: dict[str, Any] = {stamp: NOW - 30}
    run = run_record(status=status, ttl_seconds=100, created_at=NOW - 900, **times)
    assert run_rest_seconds(run, now=NOW) == 70
    assert run_rest_seconds(run, now=NOW + 70) == 0
    assert run_rest_seconds(run, now=NOW + 7000) == 0


@given(ttl=TTLS, age=st.integers(0, 2_592_000))
def test_a_run_that_has_not_ended_is_left_alone(ttl: int, age: int) -> None:
    run = run_record(status="in_progress", ttl_seconds=ttl, created_at=NOW - age)
    rest = run_rest_seconds(run, now=NOW)
    assert rest is not None
    assert ttl <= rest <= ttl + age


def test_what_has_no_time_to_live_is_kept() -> None:
    assert thread_rest_seconds(ThreadLock(last_active=1), now=NOW) is None
    assert run_rest_seconds(run_record(status="completed", completed_at=1), now=NOW) is None
