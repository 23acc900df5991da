"""A model that cannot be asked now, falls silent, or never comes to an end."""

from dataclasses import replace

import pytest

from api.services.run_changes import end_cancelled
from core.model import ModelChunk, ModelFailure
from core.paging import PageQuery
from core.records import RunRecord
from runner.dead_letters import bury
from runner.step import LONGEST_REST_SECONDS, MAX_ATTEMPTS
from tests.integration.runner.test_interruptions import assert_consistent, held_back
from tests.support.api import api_context_of
from tests.support.model import stop, text
from tests.support.world import TENANT, World

BUSY = ModelFailure("HTTP 429", code="rate_limit_exceeded", retryable=True, retry_after=40.0)


def rest(world: World) -> RunRecord:
    """Create a run whose model asks for time in its first attempt."""
    world.model.turn(BUSY)
    run = world.create_run(world.thread("Hi"))
    world.queues.step_delays.clear()
    assert world.deliver_next(), "its message is done with: another one comes later"
    return world.get(run)


@pytest.mark.fault("model-rate-limit")
def test_a_run_rests_for_as_long_as_the_model_asks_and_nobody_works_meanwhile(
    world: World,
) -> None:
    run = rest(world)
    assert run.status == "in_progress"
    assert run.lease_owner is None
    assert world.queues.step_delays == [40]

    world.clock.advance(40)
    world.model.turn(*text("Now."), *stop())
    world.deliver_next()
    done = world.get(run)
    assert done.status == "completed"
    assert done.not_before_ms == 0
    names = world.names(run)
    assert names.count("run.in_progress") == 1
    assert "message.incomplete" not in names
    assert_consistent(world, run)


def test_a_message_that_comes_early_waits_for_the_rest(world: World) -> None:
    run = rest(world)
    world.clock.advance(39.5)
    assert world.deliver_next()
    assert world.queues.step_delays == [40, 1]
    assert len(world.model.requests) == 1
    world.clock.advance(1)
    world.model.turn(*text("Now."), *stop())
    world.deliver_next()
    assert world.get(run).status == "completed"


def test_a_check_lets_a_run_rest_and_sends_for_it_if_nobody_does_after_that(world: World) -> None:
    run = rest(world)
    world.queues.steps.clear()  # its message is lost
    rested_until = world.clock() + 40_000
    while not world.queues.steps:
        world.check_next()
    assert rested_until <= world.clock() <= rested_until + 45_000
    world.model.turn(*text("Now."), *stop())
    world.deliver_next()
    assert world.get(run).status == "completed"


@pytest.mark.fault("model-rate-limit")
def test_a_run_that_rests_is_cancelled_at_once(world: World) -> None:
    run = rest(world)
    assert end_cancelled(api_context_of(world), run).status == "cancelled"
    assert world.runner.threads.active_run(TENANT, run.thread_id) is None
    world.clock.advance(40)
    assert world.deliver_next()
    assert len(world.model.requests) == 1


def test_a_letter_of_a_run_that_rests_is_left_to_the_end_of_its_rest(world: World) -> None:
    run = rest(world)
    bury(world.runner, world.queues.steps[0])
    assert world.get(run).status == "in_progress"


@pytest.mark.fault("model-down")
def test_rests_grow_and_the_last_attempt_fails_the_run_with_the_models_reason(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.turn.time.sleep", lambda seconds: None)
    thread_id = world.thread("Hi")
    run = world.create_run(thread_id)
    world.queues.step_delays.clear()
    waited: list[int] = []
    for _ in range(MAX_ATTEMPTS):
        for _ in range(4):  # in the step
            world.model.turn(ModelFailure("HTTP 503", retryable=True))
        world.deliver_next()
        if world.queues.step_delays:
            waited.append(world.queues.step_delays.pop())
            world.clock.advance(waited[-1])
    assert waited == [5, 10, 20, 40]
    failed = world.get(run)
    assert failed.status == "failed"
    assert failed.last_error is not None
    assert failed.last_error.message == "HTTP 503"
    assert world.runner.threads.active_run(TENANT, thread_id) is None
    world.model.assert_used_up()


@pytest.mark.parametrize("seconds", [LONGEST_REST_SECONDS + 1, 299.0])
@pytest.mark.fault("model-rate-limit")
def test_a_run_that_would_rest_too_long_or_beyond_its_end_fails_at_once(
    world: World, seconds: float
) -> None:
    run = world.create_run(world.thread("Hi"))
    world.clock.advance(301 if seconds < LONGEST_REST_SECONDS else 0)
    world.model.turn(
        ModelFailure("HTTP 429", code="rate_limit_exceeded", retryable=True, retry_after=seconds)
    )
    world.deliver_next()
    failed = world.get(run)
    assert failed.status == "failed"
    assert failed.last_error is not None
    assert failed.last_error.code == "rate_limit_exceeded"


@pytest.mark.fault("model-stall")
def test_a_model_that_falls_silent_in_its_answer_is_asked_anew(world: World) -> None:
    settings = world.runner.settings.model_copy(update={"model_idle_seconds": 1})
    world.runner = replace(world.runner, settings=settings)
    thread_id = world.thread("Hi")
    run = world.create_run(thread_id)
    job = world.queues.steps[0]
    with held_back() as silence:
        world.model.turn(*text("Half an "), silence, *text("answer."), *stop())
        assert world.deliver_next() is False, "the message shall come back"
    world.clock.advance(1)
    world.model.turn(*text("A whole answer."), *stop())
    world.deliver(job, deliveries=2)
    assert world.get(run).status == "completed"
    newest, broken, _ = world.runner.messages.list(TENANT, thread_id, PageQuery()).data
    assert (newest.status, broken.status) == ("completed", "incomplete")
    assert_consistent(world, run)


@pytest.mark.fault("model-endless")
def test_an_answer_that_never_ends_is_cut_short(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.turn.MAX_ANSWER_CHARACTERS", 1000)
    thread_id = world.thread("Hi")
    run = world.create_run(thread_id)
    endless = [ModelChunk(text="word ")] * 300
    with held_back() as never:
        world.model.turn(*endless, never)
        world.deliver_next()
    done = world.get(run)
    assert done.status == "incomplete"
    assert done.incomplete_details is not None
    assert done.incomplete_details.reason == "max_completion_tokens"
    message, _ = world.runner.messages.list(TENANT, thread_id, PageQuery()).data
    assert message.status == "incomplete"
    written = message.content[0].model_dump()["text"]["value"]
    assert 1000 < len(written) <= 1500
    assert_consistent(world, run)
