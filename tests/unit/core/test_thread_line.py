"""Random schedules of a thread's line: one run at a time, in order, and nobody waits for ever.

What must hold is checked at each write and at the end of each schedule; that the schedules can fail
is checked by taking one condition away.
"""

import random
from collections import Counter

import pytest

from tests.unit.core.thread_line_store import Flaw
from tests.unit.core.thread_line_world import ThreadLineWorld

SCHEDULES = 700
MOST_CRASHES = 6
# Each flaw is found within about two hundred schedules.
FLAWED_SCHEDULES = 2000


def explore(seed: int, crashes: int, flaw: Flaw | None = None) -> ThreadLineWorld:
    """Play one schedule and check what came of it.

    Raises:
        AssertionError: it names the seed.
    """
    world = ThreadLineWorld(random.Random(seed), crashes, flaw)
    try:
        world.run()
        world.check()
    except Exception as failure:
        raise AssertionError(f"schedule {seed}, {crashes} crashes: {failure!r}") from failure
    return world


def test_runs_have_the_thread_one_by_one_whatever_dies_and_whatever_comes_twice() -> None:
    worlds = [explore(seed, seed % (MOST_CRASHES + 1)) for seed in range(SCHEDULES)]
    # The schedules do contain what they are about.
    ends = Counter(run.status for world in worlds for run in world.store.runs.values())
    assert set(ends) == {"completed", "cancelled", "expired"}
    assert ends["completed"] > SCHEDULES
    assert sum(world.refused for world in worlds) > SCHEDULES / 10
    assert sum(len(world.store.doomed) for world in worlds) > SCHEDULES / 10


def test_without_crashes_every_turn_begins_at_once() -> None:
    worlds = [explore(seed, 0) for seed in range(SCHEDULES // 10)]
    assert max(world.store.late_ms for world in worlds) < 60_000


@pytest.mark.parametrize("flaw", Flaw)
def test_the_exploration_misses_each_condition_that_is_taken_away(flaw: Flaw) -> None:
    with pytest.raises(AssertionError, match=r"^schedule \d+, "):
        for seed in range(FLAWED_SCHEDULES):
            explore(seed, 2, flaw)
