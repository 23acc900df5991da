"""Actions are changed, deleted and tried; their credentials are kept and shown to nobody."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from fastapi.testclient import TestClient

from adapters import aws
from adapters.action_secrets import ActionSecrets
from adapters.outside import Outside
from adapters.sealing import Sealer
from tests.integration.api.conftest import with_key
from tests.integration.api.support import created, make_assistant, make_thread, refused
from tests.integration.api.test_actions import document, register
from tests.support.http_service import Exchange, HttpService, Received, http_service
from tests.support.world import REGION, TENANT
from wiring.bootstrap import ApiContext

BEARER = {"type": "bearer", "secret": "hush-hush"}
BASIC = {"type": "basic", "username": "me", "password": "hush-basic"}


def behave(exchange: Exchange, request: Received) -> None:
    """A shop that repeats what it was told."""
    if request.target == "/token":
        token = {"access_token": "hush-token", "token_type": "Bearer", "expires_in": 3600}
        exchange.answer(200, json.dumps(token).encode(), Content_Type="application/json")
        return
    status = 404 if request.target == "/items/404" else 200
    told = {"target": request.target, "auth": request.headers.get("authorization")}
    exchange.answer(status, json.dumps(told).encode(), Content_Type="application/json")


@pytest.fixture
def shop() -> Iterator[HttpService]:
    with http_service(behave) as running:
        yield running


@pytest.fixture
def sealing(context: ApiContext, project_key: str) -> TestClient:
    """A client of a deployment with a key for secrets."""
    key = boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["Arn"]
    object.__setattr__(context, "action_secrets", ActionSecrets(Sealer(aws.kms_client, key)))
    object.__setattr__(context, "outside", Outside("127.0.0.1"))
    return with_key(context, project_key)


def stored() -> str:
    """Return what is stored of actions, as text; answers are kept as they were sent."""
    return str(boto3.client("dynamodb", region_name=REGION).scan(TableName="state")["Items"])


def in_shop(client: TestClient, shop: HttpService, **fields: Any) -> str:
    """Register the operation `get_item` of the shop, and return the action's id."""
    schema = document(servers=[{"url": f"http://127.0.0.1:{shop.port}"}])
    body = {"openapi_schema": schema, "operations": ["get_item"], **fields}
    return str(created(client.post("/v1/actions", json=body))["data"][0]["id"])


def try_it(client: TestClient, action_id: str, **body: Any) -> Any:
    return created(client.post(f"/v1/actions/{action_id}/run", json=body))


# ---- modify and delete ---------------------------------------------------------------------------


def test_an_action_is_changed_in_what_the_request_names(client: TestClient) -> None:
    before = register(client, metadata={"a": "b"})["data"][0]
    path = f"/v1/actions/{before['id']}"
    changed = created(client.post(path, json={"name": "items", "description": "All of them."}))
    assert changed == before | {"name": "items", "description": "All of them."}
    emptied = created(client.post(path, json={"description": None, "metadata": None}))
    assert emptied == changed | {"description": "", "metadata": {}}
    assert created(client.post(path, json={"name": None})) == emptied
    assert created(client.get(path)) == emptied


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": "two words"}, "name"),
        ({"name": ""}, "name"),
        ({"description": "x" * 1_025}, "description"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"authentication": {"type": "bearer", "secret": "hush\n"}}, "authentication.secret"),
        ({"path": "/elsewhere"}, "path"),
        ({"server_url": "https://evil.example"}, "server_url"),
    ],
)
def test_a_change_that_makes_no_action_is_refused(
    client: TestClient, body: dict[str, Any], param: str
) -> None:
    action = register(client)["data"][0]
    answer = client.post(f"/v1/actions/{action['id']}", json=body)
    assert refused(answer)["param"] == param
    assert "hush" not in answer.text
    assert created(client.get(f"/v1/actions/{action['id']}")) == action


def test_the_authentication_of_an_action_is_replaced_kept_or_taken_away(
    client: TestClient, context: ApiContext
) -> None:
    action_id = register(client, authentication=BEARER)["data"][0]["id"]

    def known() -> Any:
        record = context.objects.get_action(TENANT, action_id)
        assert record is not None
        found = context.action_secrets.of(TENANT, record)
        return None if found is None else found.model_dump(exclude_none=True)

    path = f"/v1/actions/{action_id}"
    created(client.post(path, json={"name": "items"}))
    assert known() == BEARER
    assert "hush" not in client.post(path, json={"authentication": BASIC}).text
    assert known() == BASIC
    created(client.post(path, json={"authentication": None}))
    assert known() is None


def test_a_deleted_action_is_gone(client: TestClient) -> None:
    action_id = register(client)["data"][0]["id"]
    gone = created(client.delete(f"/v1/actions/{action_id}"))
    assert gone == {"id": action_id, "object": "action.deleted", "deleted": True}
    refused(client.get(f"/v1/actions/{action_id}"), 404)
    refused(client.delete(f"/v1/actions/{action_id}"), 404)
    assert len(created(client.get("/v1/actions"))["data"]) == 2


def test_a_run_of_an_assistant_with_a_deleted_action_is_refused_with_the_reason(
    client: TestClient,
) -> None:
    action_id = register(client)["data"][0]["id"]
    assistant = make_assistant(client, tools=[{"type": "action", "id": action_id}])
    created(client.delete(f"/v1/actions/{action_id}"))
    path = f"/v1/threads/{make_thread(client, 'Hello')}/runs"
    error = refused(client.post(path, json={"assistant_id": assistant}))
    assert (error["param"], "may have been deleted" in error["message"]) == ("tools[0].id", True)


def test_what_another_project_has_cannot_be_changed_deleted_or_tried(
    client: TestClient, stranger: TestClient
) -> None:
    action = register(client, authentication=BEARER)["data"][0]
    path = f"/v1/actions/{action['id']}"
    refused(stranger.post(path, json={"name": "mine"}), 404)
    refused(stranger.delete(path), 404)
    refused(stranger.post(f"{path}/run", json={}), 404)
    assert created(client.get(path)) == action


# ---- try -----------------------------------------------------------------------------------------


def test_an_action_is_tried_as_a_tool_would_call_it(near: TestClient, shop: HttpService) -> None:
    action_id = in_shop(near, shop, authentication=BEARER)
    tried = try_it(near, action_id, parameters={"id": 7})
    told = json.dumps({"target": "/items/7", "auth": "Bearer ***"})
    assert tried == {
        "object": "action.run",
        "action_id": action_id,
        "status": 200,
        "body": told,
        "error": None,
    }
    (received,) = shop.received
    assert received.headers["authorization"] == "Bearer hush-hush"
    assert try_it(near, action_id, parameters={"id": 404})["status"] == 404


def test_an_action_is_tried_with_other_credentials_or_with_none(
    near: TestClient, shop: HttpService
) -> None:
    action_id = in_shop(near, shop, authentication=BEARER)
    for own, sent in ((BASIC, "Basic bWU6aHVzaC1iYXNpYw=="), ({"type": "none"}, None)):
        body = {"parameters": {"id": 1}, "authentication": own}
        answer = near.post(f"/v1/actions/{action_id}/run", json=body)
        assert created(answer)["status"] == 200
        assert shop.received[-1].headers.get("authorization") == sent
        assert "hush" not in answer.text


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "'id' is required"),
        ({"id": 1, "x": 2}, "no argument 'x'"),
        ({"id": "../admin"}, "'.' or '..'"),
        ({"id": "a\r\nX-Evil: 1"}, "control characters"),
    ],
)
def test_parameters_that_make_no_request_are_told_and_nothing_is_sent(
    near: TestClient, shop: HttpService, parameters: dict[str, Any], words: str
) -> None:
    tried = try_it(near, in_shop(near, shop), parameters=parameters)
    assert (tried["status"], tried["body"]) == (None, None)
    assert words in tried["error"]
    assert shop.received == []


def test_an_action_of_a_private_address_is_not_called(client: TestClient) -> None:
    for server in ("http://127.0.0.1:1", "http://169.254.169.254", "http://[fd00:ec2::254]"):
        page = register(client, openapi_schema=document(servers=[{"url": server}]))
        tried = try_it(client, page["data"][0]["id"])
        assert tried["status"] is None
        assert "not public" in tried["error"]


def test_an_action_gets_its_token_and_shows_it_to_nobody(
    near: TestClient, shop: HttpService
) -> None:
    oauth = {
        "type": "oauth2_client_credentials",
        "token_url": f"http://127.0.0.1:{shop.port}/token",
        "client_id": "me",
        "client_secret": "hush-secret",
    }
    action_id = in_shop(near, shop, authentication=oauth)
    for number in range(2):
        body = {"parameters": {"id": number}}
        answer = near.post(f"/v1/actions/{action_id}/run", json=body)
        assert json.loads(created(answer)["body"])["auth"] == "Bearer ***"
        assert "hush" not in answer.text
    assert [one.target for one in shop.received] == ["/token", "/items/0", "/items/1"]
    assert shop.received[-1].headers["authorization"] == "Bearer hush-token"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"token_url": "https://me:hush@login.example"}, "authentication.token_url"),
        ({"token_url": "ftp://login.example/hush"}, "authentication.token_url"),
        ({"client_secret": "hush\r\n"}, "authentication.client_secret"),
        ({"client_secret": ""}, "authentication.client_secret"),
        ({"client_id": ""}, "authentication.client_id"),
        ({"scope": 'hush"'}, "authentication.scope"),
        ({"auth_style": "hush"}, "authentication.auth_style"),
    ],
)
def test_oauth2_that_makes_no_request_is_refused_without_being_repeated(
    client: TestClient, fields: dict[str, Any], param: str
) -> None:
    oauth = {
        "type": "oauth2_client_credentials",
        "token_url": "https://login.example/token",
        "client_id": "me",
        "client_secret": "hush",
    }
    body = {"openapi_schema": document(), "authentication": oauth | fields}
    answer = client.post("/v1/actions", json=body)
    assert refused(answer)["param"] == param
    assert "hush" not in answer.text


# ---- sealed --------------------------------------------------------------------------------------


def test_with_a_key_no_secret_is_stored_as_it_is(sealing: TestClient, shop: HttpService) -> None:
    action_id = in_shop(sealing, shop, authentication=BEARER)
    assert "hush" not in stored()
    try_it(sealing, action_id, parameters={"id": 1})
    assert shop.received[-1].headers["authorization"] == "Bearer hush-hush"
    created(sealing.post(f"/v1/actions/{action_id}", json={"authentication": BASIC}))
    assert "hush" not in stored()
    try_it(sealing, action_id, parameters={"id": 1})
    assert shop.received[-1].headers["authorization"].startswith("Basic ")
    created(sealing.post(f"/v1/actions/{action_id}", json={"authentication": None}))
    try_it(sealing, action_id, parameters={"id": 1})
    assert "authorization" not in shop.received[-1].headers


def test_what_was_stored_before_there_was_a_key_can_still_be_used(
    near: TestClient, shop: HttpService, request: pytest.FixtureRequest
) -> None:
    action_id = in_shop(near, shop, authentication=BEARER)
    assert "hush" in stored()
    sealing: TestClient = request.getfixturevalue("sealing")
    try_it(sealing, action_id, parameters={"id": 1})
    assert shop.received[-1].headers["authorization"] == "Bearer hush-hush"


def test_without_its_key_an_action_asks_for_new_credentials(
    sealing: TestClient, shop: HttpService, context: ApiContext
) -> None:
    action_id = in_shop(sealing, shop, authentication=BEARER)
    far = boto3.client("kms", region_name="eu-west-1")
    object.__setattr__(context, "action_secrets", ActionSecrets(Sealer(lambda: far, "")))
    path = f"/v1/actions/{action_id}"
    error = refused(sealing.post(f"{path}/run", json={"parameters": {"id": 1}}))
    assert "Give it new ones" in error["message"]
    assert shop.received == []
    created(sealing.post(path, json={"authentication": BASIC}))
    assert try_it(sealing, action_id, parameters={"id": 1})["status"] == 200
