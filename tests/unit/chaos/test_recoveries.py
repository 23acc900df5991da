"""Which kills interrupted an answer, and how long the run then stood still."""

from tests.chaos.killer import Kill
from tests.chaos.recoveries import Asked, Interruption, interruptions

MODEL = 4000


def runner_killed(at: float, own_port: int = 7, server_port: int = MODEL) -> Kill:
    """A runner that is killed while it has a connection."""
    return Kill("runner", at, True, {own_port: server_port})


def asked(name: str, received: float, finished: float | None, port: int = 7) -> Asked:
    """A request of the model."""
    return Asked(name, received, finished, port)


def test_a_run_stands_still_until_the_model_is_asked_again() -> None:
    requests = [
        asked("run-1", 10, 15.1),
        asked("run-2", 16, 20, port=8),
        asked("run-1", 47.5, 50, port=9),
        asked("run-1", 60, 61, port=9),
    ]
    found = interruptions([runner_killed(15)], requests, MODEL)
    assert found == [Interruption("run-1", 15, 32.5)]


def test_a_connection_that_was_kept_after_its_answer_interrupts_nothing() -> None:
    requests = [asked("run-1", 10, 14), asked("run-1", 20, 21)]
    assert interruptions([runner_killed(15)], requests, MODEL) == []


def test_an_answer_to_another_worker_is_not_interrupted() -> None:
    requests = [asked("run-1", 10, None, port=8)]
    assert interruptions([runner_killed(15)], requests, MODEL) == []


def test_a_connection_to_another_server_interrupts_nothing() -> None:
    requests = [asked("run-1", 10, None)]
    assert interruptions([runner_killed(15, server_port=4001)], requests, MODEL) == []


def test_a_run_that_ends_instead_is_not_taken_up_again() -> None:
    requests = [asked("run-1", 10, 15.2), asked("run-2", 16, 20)]
    found = interruptions([runner_killed(15)], requests, MODEL)
    assert found == [Interruption("run-1", 15, None)]
