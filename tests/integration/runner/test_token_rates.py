"""The estimate of tokens learns from what the model reports: within a run, and from run to run."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from core.dispatch import step_job
from core.memory import Memory
from core.model import ModelChunk
from core.records import RunRecord
from core.schema.messages import ImageUrl, ImageUrlContent
from core.schema.runs import Usage
from core.token_rates import TokenRates
from core.tool_phase import submit_outputs
from tests.support.model import call, text
from tests.support.world import TENANT, World, function_tool

# Each message is estimated at 304 tokens: six of them fit.
WORDS = "word " * 300
SIZE = {"memory": Memory(type="window", max_token_size=2000)}
FITTING = 6
CALLS = [*call("look", "{}", "call_1"), ModelChunk(finish_reason="tool_calls")]
ANSWER = [*text("Done."), ModelChunk(finish_reason="stop")]


def run_on(world: World, thread_id: str, *turn: ModelChunk, **config: Any) -> RunRecord:
    """Have a run take its first step; the model says this."""
    world.model.turn(*turn)
    run = world.create_run(thread_id, tools=[function_tool("look")], **SIZE, **config)
    world.deliver_next()
    return world.get(run)


def go_on(world: World, run: RunRecord, *turn: ModelChunk) -> RunRecord:
    """Answer the call of a run, and have it take its next step; the model says this."""
    assert run.open_step is not None
    step = world.runner.runs.step(run, run.open_step)
    assert step is not None
    change = submit_outputs(run, step, {"call_1": "ok"}, now=world.clock() // 1000)
    world.model.turn(*turn)
    world.deliver(step_job(world.runner.writer.apply(change)))
    return world.get(run)


def reports(prompt_tokens: int) -> list[ModelChunk]:
    """Return the end of a turn whose prompt had this many tokens by the model's count."""
    return [ModelChunk(usage=Usage(prompt_tokens=prompt_tokens, total_tokens=prompt_tokens))]


def told(world: World) -> list[int]:
    """Return of each request how many of the thread's messages it told."""
    return [
        sum(turn["role"] == "user" for turn in request.messages) for request in world.model.requests
    ]


def chatter(world: World) -> str:
    """Create a thread with more messages than fit; return its id."""
    return world.thread(*([WORDS] * 9))


def test_a_later_step_of_a_run_reads_what_fits_by_the_models_own_count(world: World) -> None:
    run = run_on(world, chatter(world), *CALLS, *reports(3700))
    done = go_on(world, run, *ANSWER)
    assert done.status == "completed"
    # The prompt was estimated at half of that.
    assert run.token_rate == pytest.approx(2000, rel=0.03)
    assert told(world) == [FITTING, 3]


def test_a_run_knows_what_it_has_learned_wherever_its_next_step_is_carried_out(
    world: World,
) -> None:
    run = run_on(world, chatter(world), *CALLS, *reports(3700))
    world.runner = replace(world.runner, token_rates=TokenRates())
    go_on(world, run, *ANSWER)
    assert told(world) == [FITTING, 3]


def test_a_later_run_of_the_model_on_a_warm_runner_begins_with_what_was_learned(
    world: World,
) -> None:
    warm = world.runner
    run_on(world, chatter(world), *ANSWER, *reports(3700))
    run_on(world, chatter(world), *ANSWER, *reports(3700))
    run_on(world, chatter(world), *ANSWER, model="another")
    world.runner = replace(warm, token_rates=TokenRates())
    run_on(world, chatter(world), *ANSWER)
    assert told(world) == [FITTING, 5, FITTING, FITTING]


@pytest.mark.parametrize(
    "ending",
    [
        [],  # the model does not report
        reports(0),
        reports(20),  # all but these were in the provider's cache
    ],
)
def test_what_is_no_count_of_the_prompt_changes_no_window(
    world: World, ending: Sequence[ModelChunk]
) -> None:
    run = run_on(world, chatter(world), *CALLS, *ending)
    assert run.token_rate is None
    done = go_on(world, run, *ANSWER, *ending)
    assert done.status == "completed"
    run_on(world, chatter(world), *ANSWER)
    assert told(world) == [FITTING] * 3


def test_a_report_of_a_prompt_with_images_teaches_nothing(world: World) -> None:
    thread_id = chatter(world)
    image = ImageUrlContent(image_url=ImageUrl(url="https://x.example/i.png", detail="low"))
    shown = world.message(thread_id, "").model_copy(update={"content": [image]})
    world.runner.messages.add(TENANT, shown)
    run = run_on(world, thread_id, *CALLS, *reports(100_000))
    assert run.token_rate is None
    go_on(world, run, *ANSWER)
    assert told(world) == [FITTING + 1] * 2


def test_a_preposterous_report_leaves_the_newest_question_in_the_prompt(world: World) -> None:
    run = run_on(world, chatter(world), *CALLS, *reports(10**9))
    assert run.token_rate == 3000
    done = go_on(world, run, *ANSWER, *reports(10**9))
    assert done.status == "completed"
    for _ in range(3):
        run_on(world, chatter(world), *ANSWER, *reports(10**9))
    assert told(world)[:2] == [FITTING, 2]
    assert min(told(world)) >= 1


def test_what_is_left_of_the_prompts_limit_is_compared_with_the_corrected_estimate(
    world: World,
) -> None:
    limited = {"instructions": "word " * 1100, "max_prompt_tokens": 5000}
    plain = run_on(world, world.thread("Hi"), *CALLS, *reports(1200), **limited)
    assert go_on(world, plain, *ANSWER).status == "completed"
    # By this model's count the instructions alone would not fit again.
    heavy = run_on(world, world.thread("Hi"), *CALLS, *reports(3000), **limited)
    ended = go_on(world, heavy)
    assert ended.status == "incomplete"
    assert ended.incomplete_details is not None
    assert ended.incomplete_details.reason == "max_prompt_tokens"
