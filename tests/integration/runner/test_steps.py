"""The way of a run through the runner, with nothing going wrong."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from adapters.model import OpenAIModel
from adapters.secrets import SecretValue
from core.dispatch import step_job
from core.event_log import Event
from core.model import CallFragment, ModelChunk, ModelFailure
from core.paging import PageQuery
from core.tool_phase import submit_outputs
from infra.local.ports import choose_port
from tests.support.model import USAGE, call, stop, text
from tests.support.world import TENANT, World, function_tool

HEAD = ["run.created", "run.queued", "run.in_progress"]
MESSAGE_STEP = [
    "run.step.created",
    "run.step.in_progress",
    "message.created",
    "message.in_progress",
]


def said(events: Sequence[tuple[object, Event]], index: int = 0) -> str:
    """Return the text that the deltas add up to."""
    return "".join(
        part["text"]["value"]
        for _, event in events
        if event.name == "thread.message.delta"
        for part in event.data["delta"]["content"]
        if part["index"] == index
    )


def test_a_plain_answer_completes_the_run_and_unlocks_the_thread(world: World) -> None:
    thread_id = world.thread("Hello?")
    world.model.turn(*text("Good ", "day", "!"), *stop())
    run = world.create_run(thread_id)

    assert world.deliver_next()

    done = world.get(run)
    assert done.status == "completed"
    assert done.usage == USAGE
    assert done.lease_owner is None
    assert world.runner.threads.active_run(TENANT, thread_id) is None
    names = world.names(run)
    deltas = names.count("message.delta")
    assert deltas >= 1
    assert names == [
        *HEAD,
        *MESSAGE_STEP,
        *["message.delta"] * deltas,
        "message.completed",
        "run.step.completed",
        "run.completed",
    ]
    assert said(world.events(run)) == "Good day!"
    newest = world.runner.messages.list(TENANT, thread_id, PageQuery()).data[0]
    assert newest.role == "assistant"
    assert newest.content[0].model_dump()["text"]["value"] == "Good day!"
    assert newest.status == "completed"


def test_characters_that_the_model_sends_in_halves_are_stored_and_told_whole(world: World) -> None:
    thread_id = world.thread("Smile")
    world.model.turn(*text("Hi \ud83d", "\ude00", " and \ud83d"), *stop())
    run = world.create_run(thread_id)
    world.deliver_next()
    assert world.get(run).status == "completed"
    assert said(world.events(run)) == "Hi \U0001f600 and \ufffd"
    newest = world.runner.messages.list(TENANT, thread_id, PageQuery()).data[0]
    assert newest.content[0].model_dump()["text"]["value"] == "Hi \U0001f600 and \ufffd"


def test_every_logged_batch_is_pushed_and_each_follows_the_one_before(world: World) -> None:
    world.model.turn(*text("one"), *stop())
    run = world.create_run(world.thread("Hi"))
    world.deliver_next()
    pushed = world.pusher.batches
    logged = world.runner.event_log.read(TENANT, run.id)
    # The first batch was logged by whoever created the run.
    assert [batch.first for batch in pushed] == [batch.first for batch in logged[1:]]
    for before, after in pairwise(logged):
        assert after.after == before.last


def test_the_model_hears_instructions_and_the_conversation(world: World) -> None:
    world.model.turn(*text("fine"), *stop())
    world.create_run(world.thread("first", "second"), temperature=0.0)
    world.deliver_next()
    request = world.model.requests[0]
    assert request.messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "first"},
        {"role": "user", "content": "second"},
    ]
    assert request.parameters == {"temperature": 0.0}


def test_a_function_call_waits_for_the_client_and_then_goes_on(world: World) -> None:
    thread_id = world.thread("Weather?")
    world.model.turn(*call("get_weather", '{"city":"Oslo"}', "call_1"), *stop("tool_calls"))
    run = world.create_run(thread_id, tools=[function_tool("get_weather")])
    world.deliver_next()

    waiting = world.get(run)
    assert waiting.status == "requires_action"
    assert waiting.required_action is not None
    asked = waiting.required_action.submit_tool_outputs.tool_calls
    assert [(c.id, c.function.name, c.function.arguments) for c in asked] == [
        ("call_1", "get_weather", '{"city":"Oslo"}')
    ]
    assert world.names(run)[-1] == "run.requires_action"
    assert waiting.open_step is not None
    assert not world.queues.steps

    step = world.runner.runs.step(waiting, waiting.open_step)
    assert step is not None
    assert step.status == "in_progress"
    now = world.clock() // 1000
    queued = world.runner.writer.apply(submit_outputs(waiting, step, {"call_1": "rain"}, now=now))
    assert queued.status == "queued"
    world.model.turn(*text("It rains."), *stop())
    world.runner.queues.send_step(step_job(queued))
    world.deliver_next()

    done = world.get(run)
    assert done.status == "completed"
    assert done.usage == USAGE + USAGE
    assert world.model.requests[1].messages[-2:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
    ]
    names = world.names(run)
    assert names[names.index("run.requires_action") + 1 :][:3] == [
        "run.step.completed",
        "run.queued",
        "run.in_progress",
    ]


def test_text_before_a_call_is_a_closed_message_before_the_tool_step_opens(world: World) -> None:
    world.model.turn(*text("Let me look."), *call("look", "{}", "call_1"), *stop("tool_calls"))
    run = world.create_run(world.thread("Look"), tools=[function_tool("look")])
    world.deliver_next()
    names = [name for name in world.names(run) if not name.endswith("delta")]
    assert names == [
        *HEAD,
        *MESSAGE_STEP,
        "message.completed",
        "run.step.completed",
        "run.step.created",
        "run.step.in_progress",
        "run.requires_action",
    ]


def test_an_unknown_tool_is_answered_with_an_error_and_the_run_goes_on(world: World) -> None:
    world.model.turn(*call("imagined", "{}", "call_1"), *stop("tool_calls"))
    world.model.turn(*text("Sorry."), *stop())
    run = world.create_run(world.thread("Do"), tools=[function_tool("real")])
    world.deliver_next()
    world.deliver_next()
    assert world.get(run).status == "completed"
    answer = world.model.requests[1].messages[-1]
    assert answer["role"] == "tool"
    assert "imagined" in json.loads(answer["content"])["error"]


def test_an_answer_cut_for_length_leaves_the_run_incomplete(world: World) -> None:
    world.model.turn(*text("half an ans"), *stop("length"))
    run = world.create_run(world.thread("Go on"))
    world.deliver_next()
    done = world.get(run)
    assert done.status == "incomplete"
    assert done.incomplete_details is not None
    assert done.incomplete_details.reason == "max_completion_tokens"
    assert world.names(run)[-3:] == ["message.incomplete", "run.step.completed", "run.incomplete"]


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ModelFailure("HTTP 401"), "server_error"),
        (ModelFailure("HTTP 400", code="invalid_prompt"), "invalid_prompt"),
        (ModelFailure("HTTP 429", code="rate_limit_exceeded"), "rate_limit_exceeded"),
    ],
)
@pytest.mark.fault("model-refuses")
def test_a_final_failure_of_the_model_fails_the_run_with_its_reason(
    world: World, failure: ModelFailure, code: str
) -> None:
    thread_id = world.thread("Hi")
    world.model.turn(failure)
    run = world.create_run(thread_id)
    world.deliver_next()
    failed = world.get(run)
    assert failed.status == "failed"
    assert failed.last_error is not None
    assert failed.last_error.code == code
    assert failed.last_error.message == failure.message
    assert world.runner.threads.active_run(TENANT, thread_id) is None
    assert world.names(run)[-1] == "run.failed"


@pytest.mark.fault("model-reset-before", "model-down")
def test_a_passing_failure_before_the_first_token_is_tried_again_in_the_step(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.turn.time.sleep", lambda seconds: None)
    busy = ModelFailure("HTTP 503", retryable=True, retry_after=0.0)
    world.model.turn(busy).turn(busy).turn(*text("At last."), *stop())
    run = world.create_run(world.thread("Hi"))
    world.deliver_next()
    assert world.get(run).status == "completed"
    assert world.get(run).attempts == 0
    world.model.assert_used_up()


def test_an_empty_answer_ends_in_an_empty_message(world: World) -> None:
    world.model.turn(*stop())
    run = world.create_run(world.thread("Say nothing"))
    world.deliver_next()
    assert world.get(run).status == "completed"
    assert "message.completed" in world.names(run)


def test_calls_beyond_the_step_limit_fail_the_run(world: World) -> None:
    steps = world.runner.settings.max_steps
    for _ in range(steps + 1):
        world.model.turn(
            ModelChunk(calls=(CallFragment(0, "", "nothing_known", "{}"),)), *stop("tool_calls")
        )
    run = world.create_run(world.thread("Loop"), tools=[function_tool("real")])
    while world.queues.steps:
        world.deliver_next()
    # Unknown tools are tolerated a bounded number of times, long before the limit of steps.
    failed = world.get(run)
    assert failed.status == "failed"
    assert failed.last_error is not None
    assert "tool calls" in failed.last_error.message


@pytest.mark.fault("model-down")
def test_a_model_that_cannot_be_reached_fails_the_run_and_says_what_to_check(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.turn.time.sleep", lambda seconds: None)
    dead = OpenAIModel(f"http://127.0.0.1:{choose_port(None)}/v1", SecretValue(lambda: "key"), 5)
    world.runner = replace(world.runner, model=dead)
    run = world.create_run(world.thread("Hi"))
    while world.queues.steps:
        world.clock.advance(world.queues.step_delays.pop(0))
        world.deliver_next()
    failed = world.get(run)
    assert failed.status == "failed"
    assert failed.last_error is not None
    assert "cannot be reached" in failed.last_error.message
    assert "base URL" in failed.last_error.message
