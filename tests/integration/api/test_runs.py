"""Runs: created with their check and their first step, one a thread, and cancelled for good."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from openai.types.beta.threads import Run

from adapters.dynamodb.errors import RunMoved
from core.changes import Change
from core.jobs import CheckJob, StepJob
from core.run_machine import Trigger, move
from tests.integration.api.support import (
    WEATHER,
    created,
    make_assistant,
    make_run,
    make_thread,
    refused,
)
from tests.support.model import stop, text
from tests.support.world import TENANT, World
from wiring.bootstrap import ApiContext

NULLS = (
    "required_action",
    "last_error",
    "started_at",
    "cancelled_at",
    "failed_at",
    "completed_at",
    "incomplete_details",
    "usage",
    "max_prompt_tokens",
    "max_completion_tokens",
)


@pytest.fixture
def assistant(client: TestClient) -> str:
    """An assistant with a bit of everything."""
    return make_assistant(client, instructions="Be brief.", temperature=0.5, tools=[WEATHER])


@pytest.fixture
def thread(client: TestClient) -> str:
    """A thread with a question."""
    return make_thread(client, "How is the weather?")


def test_a_new_run_is_queued_with_every_field(
    client: TestClient, world: World, assistant: str, thread: str
) -> None:
    run = make_run(client, thread, assistant, metadata={"a": "b"})
    assert Run.model_validate(run).status == "queued"
    assert all(run[field] is None for field in NULLS)
    assert run["assistant_id"] == assistant
    assert run["thread_id"] == thread
    assert run["instructions"] == "Be brief."
    assert run["temperature"] == 0.5
    assert run["metadata"] == {"a": "b"}
    assert run["tools"][0]["function"]["name"] == "get_weather"
    assert run["created_at"] == world.clock() // 1000
    assert run["expires_at"] == run["created_at"] + 600
    assert run["truncation_strategy"]["type"] == "auto"
    assert (run["tool_choice"], run["parallel_tool_calls"]) == ("auto", True)
    assert run["response_format"] == "auto"
    assert created(client.get(f"/v1/threads/{thread}/runs/{run['id']}")) == run


def test_a_new_run_has_its_check_armed_and_its_first_step_enqueued(
    client: TestClient, world: World, assistant: str, thread: str
) -> None:
    run = make_run(client, thread, assistant)["id"]
    names = {"tenant": TENANT, "thread_id": thread, "run_id": run}
    assert world.queues.checks == [(CheckJob(**names, watch=1), 35)]
    assert world.queues.steps == [StepJob(**names, step_no=0)]


def test_a_new_run_logs_and_pushes_that_it_was_created_and_queued(
    client: TestClient, world: World, assistant: str, thread: str
) -> None:
    run = make_run(client, thread, assistant)
    events = created(client.get(f"/v1/threads/{thread}/runs/{run['id']}/events"))["data"]
    assert [event["event"] for event in events] == ["thread.run.created", "thread.run.queued"]
    assert [event["data"] for event in events] == [run, run]
    (batch,) = world.pusher.batches
    assert [str(event_id) for event_id, _ in batch.numbered()] == [event["id"] for event in events]


@pytest.mark.fault("api-before-transaction")
def test_the_check_is_armed_before_the_run_exists(
    client: TestClient, world: World, assistant: str, thread: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def send_check(job: CheckJob, _delay: int) -> None:
        seen.append(world.runner.runs.get(TENANT, thread, job.run_id))

    monkeypatch.setattr(world.queues, "send_check", send_check)
    make_run(client, thread, assistant)
    assert seen == [None]


@pytest.mark.fault("api-before-enqueue", "queue-out")
def test_a_run_whose_step_could_not_be_enqueued_is_answered_and_found_by_its_check(
    client: TestClient, world: World, assistant: str, thread: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_job: StepJob) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(world.queues, "send_step", fail)
        run = make_run(client, thread, assistant)
    assert run["status"] == "queued"
    assert world.queues.steps == []
    world.check_next()
    assert [job.run_id for job in world.queues.steps] == [run["id"]]


def test_a_runs_own_values_replace_the_assistants(
    client: TestClient, assistant: str, thread: str
) -> None:
    run = make_run(
        client,
        thread,
        assistant,
        model="other-model",
        instructions="",
        additional_instructions="Rhyme.",
        temperature=0,
        tools=[],
    )
    assert run["model"] == "other-model"
    assert run["instructions"] == "Rhyme."
    assert run["temperature"] == 0
    assert run["tools"] == []


def test_additional_messages_are_in_the_thread_with_the_run(
    client: TestClient, assistant: str, thread: str
) -> None:
    more = [{"role": "user", "content": f"more {number}"} for number in range(96)]
    make_run(client, thread, assistant, additional_messages=more)
    page = created(client.get(f"/v1/threads/{thread}/messages?order=asc&limit=100"))
    texts = [message["content"][0]["text"]["value"] for message in page["data"]]
    assert texts == ["How is the weather?", *(message["content"] for message in more)]


def test_more_additional_messages_than_a_transaction_takes_are_refused(
    client: TestClient, assistant: str, thread: str
) -> None:
    more = [{"role": "user", "content": "more"}] * 97
    body = {"assistant_id": assistant, "additional_messages": more}
    error = refused(client.post(f"/v1/threads/{thread}/runs", json=body))
    assert (error["param"], error["code"]) == ("additional_messages", "array_above_max_length")


def test_a_thread_has_one_active_run(
    client: TestClient, world: World, assistant: str, thread: str
) -> None:
    run = make_run(client, thread, assistant)["id"]
    error = refused(client.post(f"/v1/threads/{thread}/runs", json={"assistant_id": assistant}))
    assert error["message"] == f"Thread {thread} already has an active run {run}."
    assert len(world.queues.steps) == 1
    assert len(created(client.get(f"/v1/threads/{thread}/runs"))["data"]) == 1


def test_a_refused_run_leaves_no_message(client: TestClient, assistant: str, thread: str) -> None:
    make_run(client, thread, assistant)
    more = [{"role": "user", "content": "more"}]
    body = {"assistant_id": assistant, "additional_messages": more}
    refused(client.post(f"/v1/threads/{thread}/runs", json=body))
    assert len(created(client.get(f"/v1/threads/{thread}/messages"))["data"]) == 1


def test_a_thread_takes_the_next_run_when_the_first_has_ended(
    client: TestClient, world: World, assistant: str, thread: str
) -> None:
    run = make_run(client, thread, assistant)["id"]
    world.model.turn(*text("Fine", "."), *stop())
    assert world.deliver_next()
    ended = created(client.get(f"/v1/threads/{thread}/runs/{run}"))
    assert (ended["status"], ended["expires_at"]) == ("completed", None)
    assert ended["usage"]["total_tokens"] == 15
    make_run(client, thread, assistant)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"stream": True}, "stream"),
        ({"tools": [{"type": "file_search"}]}, "tools[0].type"),
        ({"tools": [WEATHER, WEATHER]}, "tools[1].function.name"),
        ({"tools": [{"type": "action", "id": "action_none"}]}, "tools[0].id"),
        ({"tools": [WEATHER] * 21}, "tools"),
        ({"tools": [], "tool_choice": "required"}, "tool_choice"),
        (
            {"tool_choice": {"type": "function", "function": {"name": "other"}}},
            "tool_choice.function.name",
        ),
        ({"truncation_strategy": {"type": "last_messages"}}, "truncation_strategy.last_messages"),
        ({"max_prompt_tokens": 255}, "max_prompt_tokens"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_request_that_cannot_be_carried_out_changes_nothing(
    client: TestClient,
    world: World,
    assistant: str,
    thread: str,
    fields: dict[str, Any],
    param: str,
) -> None:
    body = {"assistant_id": assistant, **fields}
    assert refused(client.post(f"/v1/threads/{thread}/runs", json=body))["param"] == param
    assert (world.queues.steps, world.queues.checks) == ([], [])
    assert created(client.get(f"/v1/threads/{thread}/runs"))["data"] == []


def test_a_stream_that_is_not_served_is_told_where_it_is(
    client: TestClient, assistant: str, thread: str
) -> None:
    body = {"assistant_id": assistant, "stream": True}
    error = refused(client.post(f"/v1/threads/{thread}/runs", json=body))
    assert "wss://socket.test/live" in error["message"]
    make_run(client, thread, assistant, stream=False)


def test_a_named_tool_can_be_forced(client: TestClient, assistant: str, thread: str) -> None:
    choice = {"type": "function", "function": {"name": "get_weather"}}
    assert make_run(client, thread, assistant, tool_choice=choice)["tool_choice"] == choice


@pytest.mark.parametrize("identifier", ["asst_none", "asst#1", ""])
def test_an_assistant_that_is_not_there_is_a_404(
    client: TestClient, thread: str, identifier: str
) -> None:
    answer = client.post(f"/v1/threads/{thread}/runs", json={"assistant_id": identifier})
    assert refused(answer, 404)["message"] == f"No assistant found with id '{identifier}'."


def test_what_is_not_there_is_a_404(client: TestClient, assistant: str, thread: str) -> None:
    runs = f"/v1/threads/{thread}/runs"
    for answer, told in (
        (client.get("/v1/threads/thread_none/runs"), "thread found with id 'thread_none'"),
        (client.get("/v1/threads/thread_none/runs/run_1"), "thread found with id 'thread_none'"),
        (
            client.post("/v1/threads/thread_none/runs", json={"assistant_id": assistant}),
            "thread found with id 'thread_none'",
        ),
        (client.get(f"{runs}/run_none"), "run found with id 'run_none'"),
        (client.post(f"{runs}/run_none/cancel"), "run found with id 'run_none'"),
        (client.get(f"{runs}/run%23none"), "run found with id 'run#none'"),
    ):
        assert refused(answer, 404)["message"] == f"No {told}."


def test_a_run_on_a_thread_that_is_not_there_is_a_404(client: TestClient, assistant: str) -> None:
    answer = client.post("/v1/threads/thread_gone/runs", json={"assistant_id": assistant})
    assert refused(answer, 404)["message"] == "No thread found with id 'thread_gone'."


def test_another_project_sees_no_run_and_cannot_use_the_assistant(
    client: TestClient, stranger: TestClient, assistant: str, thread: str
) -> None:
    run = make_run(client, thread, assistant)["id"]
    path = f"/v1/threads/{thread}/runs/{run}"
    refused(stranger.get(path), 404)
    refused(stranger.post(f"{path}/cancel"), 404)
    refused(stranger.get(f"{path}/steps"), 404)
    refused(stranger.get(f"{path}/events"), 404)
    refused(stranger.post(f"{path}/submit_tool_outputs", json={"tool_outputs": []}), 404)
    own = make_thread(stranger, "Hello")
    refused(stranger.post(f"/v1/threads/{own}/runs", json={"assistant_id": assistant}), 404)
    assert created(client.get(path))["status"] == "queued"


# ---- cancelling ------------------------------------------------------------------------------


def test_a_queued_run_is_cancelled_at_once(client: TestClient, assistant: str, thread: str) -> None:
    run = make_run(client, thread, assistant)["id"]
    path = f"/v1/threads/{thread}/runs/{run}"
    cancelled = created(client.post(f"{path}/cancel"))
    assert Run.model_validate(cancelled).status == "cancelled"
    assert cancelled["cancelled_at"] is not None
    names = [event["event"] for event in created(client.get(f"{path}/events"))["data"]]
    assert names[2:] == ["thread.run.cancelling", "thread.run.cancelled"]
    make_run(client, thread, assistant)


def test_a_run_that_somebody_works_on_is_asked_to_cancel(
    client: TestClient,
    world: World,
    assistant: str,
    thread: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The worker does not look up before both requests are answered: it finds out at its next write.
    monkeypatch.setattr("runner.turn._LOOK_SECONDS", 60)
    run = make_run(client, thread, assistant)["id"]
    path = f"/v1/threads/{thread}/runs/{run}"
    answers: list[Any] = []

    def cancel() -> None:
        answers.append(created(client.post(f"{path}/cancel")))
        answers.append(created(client.post(f"{path}/cancel")))

    world.model.turn(cancel, *text("Well"), *text(", the"), *text(" weather"), *stop())
    assert world.deliver_next()
    assert [answer["status"] for answer in answers] == ["cancelling", "cancelling"]
    ended = created(client.get(path))
    assert ended["status"] == "cancelled"


@pytest.mark.fault("cancel")
def test_a_run_whose_worker_is_gone_is_cancelled_at_once(
    client: TestClient, world: World, assistant: str, thread: str
) -> None:
    created_run = make_run(client, thread, assistant)["id"]
    run = world.runner.runs.get(TENANT, thread, created_run)
    assert run is not None
    leased = move(
        run,
        Trigger.CLAIM,
        now=run.created_at,
        lease_owner="dead",
        lease_until_ms=world.clock() + 1000,
    )
    world.runner.runs.claim(Change(run, leased))
    path = f"/v1/threads/{thread}/runs/{created_run}"
    assert created(client.post(f"{path}/cancel"))["status"] == "cancelling"
    world.clock.advance(2)
    assert created(client.post(f"{path}/cancel"))["status"] == "cancelled"


@pytest.mark.parametrize("times", [1, 3])
def test_a_run_that_moves_meanwhile_is_cancelled_all_the_same(
    client: TestClient,
    context: ApiContext,
    assistant: str,
    thread: str,
    monkeypatch: pytest.MonkeyPatch,
    times: int,
) -> None:
    run = make_run(client, thread, assistant)["id"]
    real, tries = context.writer.apply, iter(range(times))

    def apply(change: Any) -> Any:
        if next(tries, None) is not None:
            raise RunMoved
        return real(change)

    monkeypatch.setattr(context.writer, "apply", apply)
    cancelled = created(client.post(f"/v1/threads/{thread}/runs/{run}/cancel"))
    assert cancelled["status"] == "cancelled"


def test_a_run_that_has_ended_cannot_be_cancelled(
    client: TestClient, world: World, assistant: str, thread: str
) -> None:
    run = make_run(client, thread, assistant)["id"]
    world.model.turn(*text("Fine."), *stop())
    world.deliver_next()
    error = refused(client.post(f"/v1/threads/{thread}/runs/{run}/cancel"))
    assert error["message"] == "Cannot cancel run with status 'completed'."
