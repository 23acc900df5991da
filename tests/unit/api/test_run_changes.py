"""A run that moved is read and decided on again; what follows a commit never undoes the answer."""

import time

import pytest

from adapters.dynamodb.errors import RunMoved, StoreUnavailable
from api.services.run_changes import after_commit, retry_if_moved


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(time, "sleep", taken.append)
    return taken


def test_a_run_that_moved_twice_is_decided_on_a_third_time(pauses: list[float]) -> None:
    outcomes: list[Exception | str] = [RunMoved(), RunMoved(), "done"]

    def decide() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    assert retry_if_moved(decide) == "done"
    assert len(pauses) == 2
    assert pauses[0] <= 0.03


def test_a_run_that_keeps_moving_is_given_up_within_two_seconds(pauses: list[float]) -> None:
    def decide() -> str:
        raise RunMoved

    with pytest.raises(StoreUnavailable):
        retry_if_moved(decide)
    assert 0 < sum(pauses) < 2


def test_a_failure_after_the_commit_is_logged_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        raise RuntimeError("SECRET")

    after_commit("step not enqueued", fail)
    (record,) = caplog.records
    assert record.message == "step not enqueued"
    assert "SECRET" not in str(vars(record))
