"""A table, a bucket or a queue that does not answer for a while."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from core.jobs import CallJob
from core.records import RunPhase
from tests.integration.runner.test_interruptions import assert_consistent
from tests.support.model import call, stop, text
from tests.support.tools import ScriptedTool, offer_action
from tests.support.world import TENANT, World, function_tool

THROTTLED = ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "PutItem")
LOST = ReadTimeoutError(endpoint_url="https://table.test")


def failing(
    call: Callable[..., Any], error: Exception, times: int, *, carried_out: bool = False
) -> Callable[..., Any]:
    """Return a request that fails the first so many times, perhaps after it was carried out."""
    left = [times]

    def request(*places: Any, **arguments: Any) -> Any:
        if not left[0]:
            return call(*places, **arguments)
        left[0] -= 1
        if carried_out:
            call(*places, **arguments)
        raise error

    return request


@pytest.mark.parametrize(
    ("error", "carried_out"), [(THROTTLED, False), (LOST, True)], ids=["throttled", "lost"]
)
@pytest.mark.fault("table-throttled", "table-answer-lost")
def test_deltas_wait_for_a_table_that_does_not_answer_and_none_comes_twice(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, carried_out: bool
) -> None:
    monkeypatch.setattr("runner.turn.time.sleep", lambda seconds: None)
    client = world.runner.event_log._client
    run = world.create_run(world.thread("Hi"))

    def refuse_some() -> None:
        put = failing(client.put_item, error, 3, carried_out=carried_out)
        monkeypatch.setattr(client, "put_item", put)

    def flushed() -> None:
        world.clock.advance(0)  # the loop writes what it has when the model pauses

    world.model.turn(*text("One "), refuse_some, *text("two "), flushed, *text("three."), *stop())
    world.deliver_next()
    assert world.get(run).status == "completed"
    assert world.get(run).epoch == 1, "one attempt was enough"
    said = "".join(
        event.data["delta"]["content"][0]["text"]["value"]
        for _, event in world.events(run)
        if event.name == "thread.message.delta"
    )
    assert said == "One two three."
    assert_consistent(world, run)


@pytest.mark.fault("table-throttled")
def test_an_output_is_stored_once_although_the_table_does_not_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = ScriptedTool()
    action = offer_action(world, "look_up", tool)
    world.model.turn(*call("look_up", "{}", "call_0"), *stop("tool_calls"))
    run = world.create_run(world.thread("Look"), tools=[action])
    world.deliver_next()
    working = world.get(run)
    assert working.open_step is not None
    job = CallJob(
        tenant=TENANT,
        thread_id=run.thread_id,
        run_id=run.id,
        step_id=working.open_step,
        call_id="call_0",
    )
    client = world.runner.runs._client
    monkeypatch.setattr(client, "query", failing(client.query, THROTTLED, 2))
    answered = world.worker.writer.answer_call(job, "found", failed=False)
    assert answered is not None
    assert answered.phase is RunPhase.READY
    outputs = [event for _, event in world.events(run) if "output" in str(event.data.get("delta"))]
    assert len([event for event in outputs if "found" in str(event.data)]) == 1


@pytest.mark.fault("bucket-out")
def test_a_step_waits_for_a_bucket_that_does_not_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = "Much to read. " * 20_000
    run = world.create_run(world.thread(question))
    job = world.queues.steps.pop(0)
    bucket = world.runner.messages._texts._client  # type: ignore[attr-defined]
    monkeypatch.setattr(bucket, "get_object", failing(bucket.get_object, LOST, 1))
    assert world.deliver(job) is False, "the message shall come back"
    assert world.queues.returned == [1]
    assert not world.get(run).is_leased(world.clock())

    world.model.turn(*text("I see."), *stop())
    assert world.deliver(job, deliveries=2)
    assert world.get(run).status == "completed"
    assert question in str(world.model.requests[-1].messages)
    assert_consistent(world, run)


@pytest.mark.fault("queue-out")
def test_a_step_whose_next_message_cannot_be_sent_sends_it_when_its_own_comes_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.create_run(world.thread("Do"), tools=[function_tool("real")])
    job = world.queues.steps.pop(0)
    world.model.turn(*call("imagined", "{}", "call_1"), *stop("tool_calls"))
    with monkeypatch.context() as patch:
        patch.setattr(world.queues, "send_step", failing(world.queues.send_step, LOST, 1))
        assert world.deliver(job) is False, "the message shall come back"
    assert (world.get(run).step_no, world.queues.steps) == (1, [])

    world.deliver(job, deliveries=2)
    assert [sent.step_no for sent in world.queues.steps] == [1]
    world.model.turn(*text("Done."), *stop())
    world.deliver_next()
    assert world.get(run).status == "completed"
    assert len(world.model.requests) == 2
    assert_consistent(world, run)
