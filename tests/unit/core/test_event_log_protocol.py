"""Random schedules of the event log's protocol: nothing lost, nothing doubled, always in order."""

import random

import pytest

from tests.unit.core.event_log_world import EventLogWorld, Flaw
from threadrunner_client import FrameError

SCHEDULES = 1200


def explore(seed: int, flaw: Flaw | None = None) -> EventLogWorld:
    """Play one schedule and check what came of it.

    Raises:
        AssertionError: it names the seed.
    """
    world = EventLogWorld(random.Random(seed), flaw)
    try:
        world.run()
        world.check()
    except (AssertionError, FrameError) as failure:
        raise AssertionError(f"schedule {seed}: {failure}") from failure
    return world


def test_every_subscriber_ends_with_the_chain_whatever_happens() -> None:
    void = 0
    for seed in range(SCHEDULES):
        world = explore(seed)
        void += len(world.store.log) - len(world.chain())
    # The schedules do contain what they are about.
    assert void > SCHEDULES / 10


@pytest.mark.parametrize("flaw", Flaw)
def test_the_exploration_finds_each_way_to_get_it_wrong(flaw: Flaw) -> None:
    with pytest.raises(AssertionError, match=r"^schedule \d+: "):
        for seed in range(4 * SCHEDULES):
            explore(seed, flaw)
