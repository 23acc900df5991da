"""What a run did, step by step, and event by event."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from openai.types.beta.threads import Message
from openai.types.beta.threads.runs import RunStep

from tests.integration.api.support import created, make_assistant, make_run, make_thread, refused
from tests.support.model import stop, text
from tests.support.world import World


@pytest.fixture
def path(client: TestClient, world: World) -> str:
    """The path of a run that has answered."""
    thread = make_thread(client, "Hello")
    run = make_run(client, thread, make_assistant(client))["id"]
    world.model.turn(*text("Good", " day", "."), *stop())
    assert world.deliver_next()
    return f"/v1/threads/{thread}/runs/{run}"


def test_a_step_names_the_message_that_it_wrote(client: TestClient, path: str) -> None:
    (step,) = created(client.get(f"{path}/steps"))["data"]
    assert RunStep.model_validate(step).status == "completed"
    assert created(client.get(f"{path}/steps/{step['id']}")) == step
    message_id = step["step_details"]["message_creation"]["message_id"]
    thread = path.split("/runs/")[0]
    message = created(client.get(f"{thread}/messages/{message_id}"))
    assert Message.model_validate(message).run_id == step["run_id"]
    assert message["content"][0]["text"]["value"] == "Good day."
    listed = created(client.get(f"{thread}/messages", params={"run_id": step["run_id"]}))
    assert listed["data"] == [message]


def test_what_is_not_there_is_a_404(client: TestClient, path: str) -> None:
    thread = make_thread(client)
    run = path.rsplit("/", 1)[1]
    (step,) = created(client.get(f"{path}/steps"))["data"]
    elsewhere = f"/v1/threads/{thread}/runs/{run}"
    for answer, told in (
        (client.get(f"{path}/steps/step_none"), "run step found with id 'step_none'"),
        (client.get(f"{path}none/steps"), f"run found with id '{run}none'"),
        (client.get(f"{path}none/steps/{step['id']}"), f"run found with id '{run}none'"),
        (client.get(f"{path}none/events"), f"run found with id '{run}none'"),
        (client.get(f"{elsewhere}/steps"), f"run found with id '{run}'"),
        (client.get(f"{elsewhere}/steps/{step['id']}"), f"run found with id '{run}'"),
        (client.get(f"{elsewhere}/events"), f"run found with id '{run}'"),
        (
            client.get(f"/v1/threads/thread_none/runs/{run}/events"),
            "thread found with id 'thread_none'",
        ),
    ):
        assert refused(answer, 404)["message"] == f"No {told}."


def test_the_events_are_all_there_in_their_order(client: TestClient, path: str) -> None:
    page = created(client.get(f"{path}/events?limit=100"))
    names = [event["event"] for event in page["data"]]
    assert names[:3] == ["thread.run.created", "thread.run.queued", "thread.run.in_progress"]
    assert names[-1] == "thread.run.completed"
    ids = [tuple(map(int, event["id"].split("-"))) for event in page["data"]]
    assert ids == sorted(set(ids))
    assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
    assert page["has_more"] is False
    assert set(page["data"][0]) == {"id", "event", "data"}


@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_reading_on_after_the_last_id_gives_every_event_once(
    client: TestClient, path: str, limit: int
) -> None:
    whole = created(client.get(f"{path}/events?limit=100"))["data"]
    seen: list[Any] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        page = created(client.get(f"{path}/events", params=query))
        assert len(page["data"]) <= limit
        seen += page["data"]
        if not page["has_more"]:
            break
        query["after"] = page["last_id"]
    assert seen == whole


def test_after_the_last_event_there_is_nothing(client: TestClient, path: str) -> None:
    last = created(client.get(f"{path}/events?limit=100"))["last_id"]
    page = created(client.get(f"{path}/events", params={"after": last}))
    assert (page["data"], page["first_id"], page["has_more"]) == ([], None, False)


@pytest.mark.parametrize("after", ["x", "1", "1-", "-1", "1-2-3", "evt_1", "9" * 30 + "-1"])
def test_an_after_that_is_no_event_id_is_refused(client: TestClient, path: str, after: str) -> None:
    error = refused(client.get(f"{path}/events", params={"after": after}))
    assert (error["param"], error["code"]) == ("after", "invalid_value")


def test_large_events_come_in_pages_that_a_response_can_carry(
    client: TestClient, world: World
) -> None:
    thread = make_thread(client, "Tell me everything.")
    run = make_run(client, thread, make_assistant(client))["id"]
    world.model.turn(*text(*["x" * 250_000] * 8), *stop())
    assert world.deliver_next()
    path = f"/v1/threads/{thread}/runs/{run}/events"
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        answer = client.get(path, params={"limit": "100", **after})
        assert len(answer.content) < 5_000_000
        page = created(answer)
        seen += [event["event"] for event in page["data"]]
        if not page["has_more"]:
            break
        after = {"after": page["last_id"]}
    assert seen[-1] == "thread.run.completed"
    assert seen.count("thread.message.completed") == 1
