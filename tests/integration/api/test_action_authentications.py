"""Authentication of actions for one run: taken, kept apart, and never shown."""

import json
import zlib
from typing import Any

import boto3
import pytest
from fastapi.testclient import TestClient
from openai import OpenAI

from tests.integration.api.support import created, make_assistant, make_run, make_thread, refused
from tests.integration.api.test_actions import register
from tests.support.model import stop, text
from tests.support.world import REGION, TENANT, World
from wiring.bootstrap import ApiContext

SECRET = "hush-hush"
BEARER = {"type": "bearer", "secret": SECRET}


@pytest.fixture
def action(client: TestClient) -> str:
    """An action of the project."""
    return str(register(client)["data"][0]["id"])


@pytest.fixture
def assistant(client: TestClient, action: str) -> str:
    """An assistant that has the action."""
    return make_assistant(client, tools=[{"type": "action", "id": action}])


@pytest.fixture
def thread(client: TestClient) -> str:
    """A thread with a message."""
    return make_thread(client, "Hello")


def _spelled(value: Any) -> str:
    """Return an attribute or an item as text, with what is compressed in it spelled out."""
    return json.dumps(value, default=lambda data: zlib.decompress(bytes(data)).decode())


def items() -> list[dict[str, Any]]:
    """Return all that is stored, in both tables."""
    client = boto3.client("dynamodb", region_name=REGION)
    return [item for table in ("state", "stream") for item in client.scan(TableName=table)["Items"]]


def holding_secrets() -> list[tuple[str, list[str]]]:
    """Return which attributes of which items hold the secret."""
    return [
        (item["sk"]["S"], [name for name, value in item.items() if SECRET in _spelled(value)])
        for item in items()
        if SECRET in _spelled(item)
    ]


@pytest.mark.parametrize(
    "place",
    [
        lambda given: given,
        lambda given: {"extra_body": given},
        lambda given: given | {"extra_body": {"action_authentications": {"action_x": BEARER}}},
    ],
)
def test_a_runs_authentication_is_kept_in_an_attribute_of_its_own(
    client: TestClient, context: ApiContext, assistant: str, thread: str, action: str, place: Any
) -> None:
    given = place({"action_authentications": {action: BEARER}})
    shown = make_run(client, thread, assistant, **given)
    assert holding_secrets() == [(f"run#{shown['id']}", ["authentications"])]
    run = context.runs.get(TENANT, thread, shown["id"])
    assert run is not None
    found = context.runs.authentications(run)
    assert {key: value.model_dump() for key, value in found.items()} == {action: BEARER}
    path = f"/v1/threads/{thread}/runs"
    for answer in (path, f"{path}/{shown['id']}", f"{path}/{shown['id']}/events"):
        assert SECRET not in client.get(answer).text
    assert SECRET not in json.dumps(shown)
    assert "action_authentications" not in shown
    assert SECRET not in repr(run)


def test_the_sdks_extra_body_carries_authentication(
    client: TestClient,
    context: ApiContext,
    project_key: str,
    assistant: str,
    thread: str,
    action: str,
) -> None:
    sdk = OpenAI(base_url="http://testserver/v1", api_key=project_key, http_client=client)
    run = sdk.beta.threads.runs.create(
        thread, assistant_id=assistant, extra_body={"action_authentications": {action: BEARER}}
    )
    assert holding_secrets() == [(f"run#{run.id}", ["authentications"])]


def test_when_the_run_ends_its_authentication_is_gone(
    client: TestClient, world: World, assistant: str, thread: str, action: str
) -> None:
    shown = make_run(client, thread, assistant, action_authentications={action: BEARER})
    world.model.turn(*text("Fine."), *stop())
    world.deliver_next()
    assert created(client.get(f"/v1/threads/{thread}/runs/{shown['id']}"))["status"] == "completed"
    assert holding_secrets() == []


def test_when_the_run_is_cancelled_its_authentication_is_gone(
    client: TestClient, assistant: str, thread: str, action: str
) -> None:
    shown = make_run(client, thread, assistant, action_authentications={action: BEARER})
    created(client.post(f"/v1/threads/{thread}/runs/{shown['id']}/cancel"))
    assert holding_secrets() == []


def test_a_run_without_authentication_has_no_such_attribute(
    client: TestClient, context: ApiContext, assistant: str, thread: str
) -> None:
    shown = make_run(client, thread, assistant, action_authentications={})
    run = context.runs.get(TENANT, thread, shown["id"])
    assert run is not None
    assert context.runs.authentications(run) == {}
    assert not [item for item in items() if "authentications" in item]


@pytest.mark.parametrize("nested", [True, False])
def test_authentication_for_what_is_no_action_of_the_run_is_refused(
    client: TestClient, world: World, assistant: str, thread: str, action: str, nested: bool
) -> None:
    for tools, unknown in ((None, "action_other"), ([], action), (None, "x" * 90), (None, "")):
        given: dict[str, Any] = {"action_authentications": {unknown: BEARER}}
        body: dict[str, Any] = {"assistant_id": assistant, "tools": tools}
        body |= {"extra_body": given} if nested else given
        answer = client.post(f"/v1/threads/{thread}/runs", json=body)
        error = refused(answer)
        assert error["param"] == f"action_authentications.{unknown[:64]}"
        assert SECRET not in answer.text
    assert (world.queues.steps, holding_secrets()) == ([], [])


def test_more_authentication_than_an_item_should_hold_is_refused(
    client: TestClient, assistant: str, thread: str, action: str
) -> None:
    actions = [one["id"] for one in register(client)["data"]]
    large = {"type": "custom", "content": {"X-A": SECRET * 900, "X-B": SECRET * 900}}
    body = {
        "assistant_id": assistant,
        "tools": [{"type": "action", "id": one} for one in actions],
        "action_authentications": dict.fromkeys(actions, large),
    }
    error = refused(client.post(f"/v1/threads/{thread}/runs", json=body))
    assert error["param"] == "action_authentications"
    assert "24,576 bytes" in error["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"action_authentications": []}, "action_authentications"),
        ({"extra_body": {"surprise": 1}}, "extra_body.surprise"),
        ({"extra_body": {"model_params": []}}, "extra_body.model_params"),
    ],
)
def test_extras_of_another_shape_are_refused_with_their_place(
    client: TestClient, assistant: str, thread: str, fields: dict[str, Any], param: str
) -> None:
    body = {"assistant_id": assistant, **fields}
    assert refused(client.post(f"/v1/threads/{thread}/runs", json=body))["param"] == param
