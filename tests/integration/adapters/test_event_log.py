"""What those get who follow a run's log and have its beginning."""

from core.event_log import Batch, Cursor, Event, EventId
from tests.support.world import TENANT, World

RUN = "run_followed"


def written(world: World, *batches: Batch) -> None:
    for batch in batches:
        world.runner.event_log.append(TENANT, RUN, batch)


def batch(after: EventId | None, first: EventId, count: int = 1) -> Batch:
    return Batch(after, first, (Event("thread.message.delta", {}),) * count)


def test_beyond_the_newest_event_there_is_nothing_to_read(world: World) -> None:
    log = world.runner.event_log
    cursor = Cursor(1, None)
    assert log.beyond(TENANT, RUN, None) == []
    for _ in range(3):
        after = cursor.last
        new = cursor.batch([Event("thread.message.delta", {})] * 2)
        written(world, new)
        cursor.advance(new)
        assert log.beyond(TENANT, RUN, after) == [new]
        assert log.beyond(TENANT, RUN, cursor.last) == []


def test_a_batch_of_which_a_part_is_known_is_read_as_it_is(world: World) -> None:
    whole = batch(None, EventId(1, 0), 3)
    written(world, whole)
    assert world.runner.event_log.beyond(TENANT, RUN, EventId(1, 1)) == [whole]


def test_void_batches_are_read_too_since_they_tell_nothing_alone(world: World) -> None:
    first, void = batch(None, EventId(1, 9)), batch(EventId(1, 9), EventId(1, 10))
    successor = batch(EventId(1, 9), EventId(2, 0))
    written(world, first, void, successor)
    assert world.runner.event_log.beyond(TENANT, RUN, first.last) == [void, successor]
