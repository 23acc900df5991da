"""The prompt's limit, the model's own parameters, and the usage that a run reports."""

from typing import Any

from core.dispatch import step_job
from core.model import ModelChunk
from core.records import RunRecord
from core.schema.runs import Usage
from core.tool_phase import submit_outputs
from tests.support.model import USAGE, call, stop, text
from tests.support.world import TENANT, World, function_tool


def after_a_call(world: World, output: str, usage: Usage, **config: Any) -> RunRecord:
    """Have a run's first step call a function, answer it, and deliver the second step."""
    ending = [ModelChunk(finish_reason="tool_calls"), ModelChunk(usage=usage)]
    world.model.turn(*call("look", "{}", "call_1"), *ending)
    run = world.create_run(world.thread("Look"), tools=[function_tool("look")], **config)
    world.deliver_next()
    waiting = world.get(run)
    assert waiting.open_step is not None
    step = world.runner.runs.step(waiting, waiting.open_step)
    assert step is not None
    change = submit_outputs(waiting, step, {"call_1": output}, now=world.clock() // 1000)
    world.model.turn(*text("Done."), *stop())
    world.deliver(step_job(world.runner.writer.apply(change)))
    return world.get(run)


def assert_spent(world: World, run: RunRecord, reason: str = "max_prompt_tokens") -> None:
    """Check that a run ended in the open without asking its model again."""
    assert len(world.model.requests) == 1
    assert run.status == "incomplete"
    assert run.incomplete_details is not None
    assert run.incomplete_details.reason == reason
    assert world.names(run)[-2:] == ["run.in_progress", "run.incomplete"]
    assert world.runner.threads.active_run(TENANT, run.thread_id) is None


def test_a_run_whose_steps_outgrow_its_prompt_limit_ends_incomplete(world: World) -> None:
    ended = after_a_call(world, "word " * 1000, USAGE, max_prompt_tokens=500)
    assert_spent(world, ended)
    assert ended.usage == USAGE


def test_what_the_first_step_used_counts_against_the_second(world: World) -> None:
    used = Usage(prompt_tokens=490, completion_tokens=5, total_tokens=495)
    assert_spent(world, after_a_call(world, "short", used, max_prompt_tokens=500))


def test_a_run_whose_answers_are_used_up_is_not_asked_for_one_more(world: World) -> None:
    used = Usage(prompt_tokens=5, completion_tokens=256, total_tokens=261)
    ended = after_a_call(world, "short", used, max_completion_tokens=256)
    assert_spent(world, ended, "max_completion_tokens")
    assert world.model.requests[0].parameters["max_completion_tokens"] == 256


def test_a_later_step_may_answer_with_what_the_earlier_ones_left(world: World) -> None:
    used = Usage(prompt_tokens=5, completion_tokens=250, total_tokens=255)
    assert after_a_call(world, "short", used, max_completion_tokens=256).status == "completed"
    assert world.model.requests[1].parameters["max_completion_tokens"] == 6


def test_a_run_within_its_limit_goes_on(world: World) -> None:
    used = Usage(prompt_tokens=300, completion_tokens=5, total_tokens=305)
    done = after_a_call(world, "short", used, max_prompt_tokens=500)
    assert (done.status, len(world.model.requests)) == ("completed", 2)


def test_a_first_step_is_asked_however_small_the_limit_is(world: World) -> None:
    world.model.turn(*text("Done."), *stop())
    config = {"instructions": "word " * 1000, "max_prompt_tokens": 256}
    run = world.create_run(world.thread("older", "newest"), **config)
    world.deliver_next()
    assert world.get(run).status == "completed"
    assert [turn["role"] for turn in world.model.requests[0].messages] == ["system", "user"]
    assert world.model.requests[0].messages[1]["content"] == "newest"


def test_parameters_reach_the_model_as_they_were_stored(world: World) -> None:
    world.model.turn(*text("Done."), *stop())
    params = {"frequency_penalty": 0, "seed": 7, "extra": {"deep": [0.1, None, True]}}
    world.create_run(world.thread("Hi"), temperature=0.0, top_p=0.0, model_params=params)
    world.deliver_next()
    assert world.model.requests[0].parameters == {"temperature": 0.0, "top_p": 0.0} | params


def test_usage_stands_in_the_last_events_of_the_step_and_of_the_run(world: World) -> None:
    done = after_a_call(world, "short", USAGE)
    last = {event.name: event.data for _, event in world.events(done)}
    counted = USAGE.model_dump()
    assert last["thread.run.step.completed"]["usage"] == counted
    assert last["thread.run.completed"]["usage"] == (USAGE + USAGE).model_dump()
    assert last["thread.run.in_progress"]["usage"] is None
