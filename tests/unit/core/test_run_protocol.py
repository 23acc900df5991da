"""Random schedules of the run's protocol: every run ends, each step once, no tool twice.

What must hold is checked at the end of each schedule; that the schedules can fail is checked by
taking one condition away.
"""

import random
from collections import Counter

import pytest

from tests.unit.core.run_protocol_store import Flaw
from tests.unit.core.run_protocol_world import RunProtocolWorld

SCHEDULES = 1500
MOST_CRASHES = 7
# Each flaw is found within about a thousand schedules.
FLAWED_SCHEDULES = 10_000


def explore(seed: int, crashes: int, flaw: Flaw | None = None) -> str:
    """Play one schedule, check what came of it, and return how the run ended.

    Raises:
        AssertionError: it names the seed.
    """
    world = RunProtocolWorld(random.Random(seed), crashes, flaw)
    try:
        world.run()
        world.check()
    except Exception as failure:
        raise AssertionError(f"schedule {seed}, {crashes} crashes: {failure!r}") from failure
    return "never created" if world.store.run is None else world.store.run.status


@pytest.mark.fault("message-same-moment", "zombie")
def test_every_run_ends_whatever_dies_and_whatever_comes_twice() -> None:
    ends = Counter(explore(seed, seed % (MOST_CRASHES + 1)) for seed in range(SCHEDULES))
    # The schedules do contain what they are about.
    assert set(ends) >= {"completed", "incomplete", "cancelled", "expired", "never created"}
    assert ends["completed"] > SCHEDULES / 5


def test_without_crashes_only_the_clients_silence_keeps_a_run_from_its_end() -> None:
    ends = Counter(explore(seed, 0) for seed in range(SCHEDULES // 10))
    assert ends["completed"] + ends["incomplete"] > SCHEDULES / 10 / 2
    assert "failed" not in ends


@pytest.mark.parametrize("flaw", Flaw)
def test_the_exploration_misses_each_condition_that_is_taken_away(flaw: Flaw) -> None:
    with pytest.raises(AssertionError, match=r"^schedule \d+, "):
        for seed in range(FLAWED_SCHEDULES):
            explore(seed, 5, flaw)
