"""Function calls: the run waits, takes the outputs of exactly its calls, and goes on."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from openai.types.beta.threads import Run
from openai.types.beta.threads.runs import RunStep

from adapters.dynamodb.transactions import Receipt
from core.changes import Change
from core.jobs import CheckJob, StepJob
from core.records import RunRecord
from tests.integration.api.support import (
    WEATHER,
    created,
    make_assistant,
    make_run,
    make_thread,
    refused,
)
from tests.support.model import call, stop, text
from tests.support.world import TENANT, World
from wiring.bootstrap import ApiContext


class Waiting:
    """A run that waits for the outputs of two calls."""

    def __init__(self, client: TestClient, world: World) -> None:
        self.client = client
        self.thread = make_thread(client, "How is the weather?")
        assistant = make_assistant(client, tools=[WEATHER])
        self.run = make_run(client, self.thread, assistant)["id"]
        self.path = f"/v1/threads/{self.thread}/runs/{self.run}"
        world.model.turn(
            *call("get_weather", '{"city": "Rome"}', "call_a"),
            *call("get_weather", '{"city": "Oslo"}', "call_b", 1),
            *stop("tool_calls"),
        )
        assert world.deliver_next()
        world.queues.checks.clear()

    def submit(self, *outputs: tuple[str, str], **fields: Any) -> Any:
        """Submit outputs."""
        given = [{"tool_call_id": call_id, "output": output} for call_id, output in outputs]
        body = {"tool_outputs": given, **fields}
        return self.client.post(f"{self.path}/submit_tool_outputs", json=body)


@pytest.fixture
def waiting(client: TestClient, world: World) -> Waiting:
    """A run that waits for the outputs of two calls."""
    return Waiting(client, world)


def test_the_run_says_what_it_waits_for(waiting: Waiting) -> None:
    run = Run.model_validate(created(waiting.client.get(waiting.path)))
    assert run.status == "requires_action"
    assert run.required_action is not None
    calls = run.required_action.submit_tool_outputs.tool_calls
    assert [(found.id, found.function.arguments) for found in calls] == [
        ("call_a", '{"city": "Rome"}'),
        ("call_b", '{"city": "Oslo"}'),
    ]


def test_outputs_put_the_run_back_into_the_queue(waiting: Waiting, world: World) -> None:
    run = created(waiting.submit(("call_b", "rain"), ("call_a", "sun")))
    assert (run["status"], run["required_action"]) == ("queued", None)
    names = {"tenant": TENANT, "thread_id": waiting.thread, "run_id": waiting.run}
    assert world.queues.steps == [StepJob(**names, step_no=1)]
    stored = world.runner.runs.get(TENANT, waiting.thread, waiting.run)
    assert stored is not None
    assert world.queues.checks == [(CheckJob(**names, watch=stored.watch), 35)]


def test_the_step_is_completed_with_the_outputs(waiting: Waiting) -> None:
    created(waiting.submit(("call_a", "sun"), ("call_b", "")))
    (step,) = created(waiting.client.get(f"{waiting.path}/steps"))["data"]
    assert RunStep.model_validate(step).status == "completed"
    calls = step["step_details"]["tool_calls"]
    assert [found["function"]["output"] for found in calls] == ["sun", ""]


def test_the_run_goes_on_with_the_outputs(waiting: Waiting, world: World) -> None:
    created(waiting.submit(("call_a", "sun"), ("call_b", "rain")))
    world.model.turn(*text("Sun in Rome, rain in Oslo."), *stop())
    assert world.deliver_next()
    assert created(waiting.client.get(waiting.path))["status"] == "completed"
    prompt = str(world.model.requests[-1].messages)
    assert "sun" in prompt
    assert "rain" in prompt
    names = created(waiting.client.get(f"{waiting.path}/events?limit=100"))["data"]
    assert names[-1]["event"] == "thread.run.completed"


@pytest.mark.parametrize(
    ("call_ids", "told"),
    [
        (["call_a"], "Expected tool outputs for call_ids ['call_a', 'call_b'], got ['call_a']"),
        ([], "Expected tool outputs for call_ids ['call_a', 'call_b'], got []"),
        (
            ["call_a", "call_x"],
            "Expected tool outputs for call_ids ['call_a', 'call_b'], got ['call_a', 'call_x']",
        ),
        (["call_a", "call_b", "call_a"], "Duplicate call_ids submitted: ['call_a']"),
    ],
)
def test_a_wrong_set_is_refused_and_changes_nothing(
    waiting: Waiting, world: World, call_ids: list[str], told: str
) -> None:
    before = created(waiting.client.get(waiting.path))
    answer = waiting.submit(*((call_id, "out") for call_id in call_ids))
    assert refused(answer)["message"] == told
    assert created(waiting.client.get(waiting.path)) == before
    assert (world.queues.steps, world.queues.checks) == ([], [])


def test_outputs_are_taken_once(waiting: Waiting, world: World) -> None:
    created(waiting.submit(("call_a", "sun"), ("call_b", "rain")))
    error = refused(waiting.submit(("call_a", "sun"), ("call_b", "rain")))
    assert error["message"] == 'Runs in status "queued" do not accept tool outputs.'
    assert len(world.queues.steps) == 1


def test_of_two_submissions_at_once_the_second_is_told_that_it_is_late(
    waiting: Waiting, world: World, context: ApiContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = context.writer.apply

    def overtaken(change: Change, receipt: Receipt | None = None) -> RunRecord:
        monkeypatch.setattr(context.writer, "apply", real)
        created(waiting.submit(("call_a", "first"), ("call_b", "first")))
        return real(change, receipt)

    monkeypatch.setattr(context.writer, "apply", overtaken)
    error = refused(waiting.submit(("call_a", "second"), ("call_b", "second")))
    assert error["message"] == 'Runs in status "queued" do not accept tool outputs.'
    assert len(world.queues.steps) == 1
    (step,) = created(waiting.client.get(f"{waiting.path}/steps"))["data"]
    calls = step["step_details"]["tool_calls"]
    assert [found["function"]["output"] for found in calls] == ["first", "first"]


def test_a_stream_is_refused_and_changes_nothing(waiting: Waiting) -> None:
    answer = waiting.submit(("call_a", "sun"), ("call_b", "rain"), stream=True)
    assert refused(answer)["param"] == "stream"
    assert created(waiting.client.get(waiting.path))["status"] == "requires_action"


def test_an_output_may_be_long(waiting: Waiting) -> None:
    created(waiting.submit(("call_a", "x" * 500_000), ("call_b", "y" * 500_000)))
    (step,) = created(waiting.client.get(f"{waiting.path}/steps"))["data"]
    assert len(step["step_details"]["tool_calls"][0]["function"]["output"]) == 500_000
