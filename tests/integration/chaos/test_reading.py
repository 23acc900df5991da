"""The picture of a session is what the tables hold of it: all of that, and nothing else."""

from typing import Any

import boto3
import pytest

from adapters.dynamodb import keyspace
from core.records import RunRecord
from core.schema.threads import Thread
from tests.chaos.plan import TAG
from tests.chaos.reading import TableReader
from tests.support.model import call, stop, text
from tests.support.tools import ScriptedTool, offer_action
from tests.support.world import REGION, TENANT, World

NAMES = {"state": "state", "stream": "stream", "bucket": "bucket"}


@pytest.fixture
def reader(world: World) -> TableReader:
    """Reads the world's tables."""
    return TableReader(
        boto3.client("dynamodb", region_name=REGION),
        boto3.client("s3", region_name=REGION),
        NAMES,
        TENANT,
    )


def tagged_thread(world: World, tag: str) -> str:
    """Create a thread that carries a tag, with one message; return its id."""
    thread = Thread(
        id=world.runner.ids.new("thread"), created_at=world.clock() // 1000, metadata={TAG: tag}
    )
    message = world.message(thread.id, "Hello")
    world.runner.threads.create(TENANT, thread, [message])
    return thread.id


def finished_run(world: World, session: str) -> RunRecord:
    """Have a run call an action, and answer."""
    tool = offer_action(world, "write_note", ScriptedTool())
    thread_id = tagged_thread(world, f"{session}-thread-1")
    world.model.turn(*call("write_note", "{}", "call_1"), *stop("tool_calls"))
    world.model.turn(*text("Do", "ne."), *stop())
    run = world.create_run(thread_id, tools=[tool], metadata={TAG: f"{session}-run-1"})
    world.deliver_next()
    world.execute_next()
    world.deliver_next()
    return world.get(run)


def test_a_session_is_read_as_the_stores_read_it(world: World, reader: TableReader) -> None:
    run = finished_run(world, "chaos-1")
    assert run.status == "completed"
    picture = reader.read("chaos-1")
    (thread,), (stored,) = picture.threads, picture.runs
    assert (thread.thread_id, thread.metadata) == (run.thread_id, {TAG: "chaos-1-thread-1"})
    assert thread.lock == world.runner.threads.lock(TENANT, run.thread_id)
    assert [message.role for message in thread.messages] == ["user", "assistant"]
    assert stored.record == run
    assert list(stored.steps) == world.runner.objects.all_steps(TENANT, run.id)
    assert [step.type for step in stored.steps] == ["tool_calls", "message_creation"]
    assert list(stored.calls) == list(world.runner.calls.of_step(run, stored.steps[0].id))
    assert stored.log == world.events(run)
    assert picture.orphans == ()


def test_other_sessions_and_other_projects_are_left_out(world: World, reader: TableReader) -> None:
    finished_run(world, "chaos-1")
    finished_run(world, "chaos-11")
    world.thread("Somebody else's.")
    picture = reader.read("chaos-1")
    assert [thread.metadata[TAG] for thread in picture.threads] == ["chaos-1-thread-1"]
    assert [run.record.config.metadata[TAG] for run in picture.runs] == ["chaos-1-run-1"]


def test_a_table_of_more_than_one_page_is_read_whole(world: World, reader: TableReader) -> None:
    run = finished_run(world, "chaos-1")
    # A page of a scan has a megabyte.
    for _ in range(24):
        client: Any = boto3.client("dynamodb", region_name=REGION)
        message = world.message(run.thread_id, "x" * 60_000)
        key = {
            "pk": {"S": keyspace.thread(TENANT, run.thread_id)},
            "sk": {"S": keyspace.MESSAGE + message.id},
        }
        client.put_item(TableName="state", Item=key | {"doc": {"S": message.model_dump_json()}})
    (thread,) = reader.read("chaos-1").threads
    assert len(thread.messages) == 26


def test_steps_and_calls_without_their_run_are_told(world: World, reader: TableReader) -> None:
    run = finished_run(world, "chaos-1")
    client: Any = boto3.client("dynamodb", region_name=REGION)
    client.delete_item(
        TableName="state",
        Key={
            "pk": {"S": keyspace.thread(TENANT, run.thread_id)},
            "sk": {"S": keyspace.RUN + run.id},
        },
    )
    picture = reader.read("chaos-1")
    assert picture.runs == ()
    assert picture.orphans == (run.id,)
