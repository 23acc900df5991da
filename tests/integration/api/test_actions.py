"""Actions: the operations of a document become tools that an assistant can have."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from core.openapi import Operation
from tests.integration.api.support import WEATHER, created, make_assistant, refused
from tests.support.world import TENANT
from wiring.bootstrap import ApiContext


def document(**fields: Any) -> dict[str, Any]:
    """Return a document of a shop with three operations."""
    by_id = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Shop", "version": "1"},
        "servers": [{"url": "https://shop.example/api"}],
        "paths": {
            "/items": {
                "get": {"operationId": "list_items", "summary": "Lists what there is."},
                "post": {"operationId": "add_item"},
            },
            "/items/{id}": {"get": {"operationId": "get_item", "parameters": [by_id]}},
        },
        **fields,
    }


def register(client: TestClient, **fields: Any) -> Any:
    """Register the shop's operations, and return the list."""
    return created(client.post("/v1/actions", json={"openapi_schema": document()} | fields))


def test_each_operation_becomes_an_action(client: TestClient) -> None:
    page = register(client, metadata={"of": "shop"})
    assert (page["object"], page["has_more"]) == ("list", False)
    assert [action["name"] for action in page["data"]] == ["list_items", "add_item", "get_item"]
    assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
    action = page["data"][2]
    assert action["id"].startswith("action_")
    assert (action["object"], action["method"], action["path"]) == ("action", "GET", "/items/{id}")
    assert action["server_url"] == "https://shop.example/api"
    assert action["parameters"]["required"] == ["id"]
    assert action["metadata"] == {"of": "shop"}
    assert created(client.get(f"/v1/actions/{action['id']}")) == action
    listed = created(client.get("/v1/actions?order=asc"))
    assert listed["data"] == page["data"]


def test_what_is_stored_can_be_carried_out(client: TestClient, context: ApiContext) -> None:
    action = register(client)["data"][2]
    record = context.objects.get_action(TENANT, action["id"])
    assert record is not None
    assert Operation.from_json(record.operation).path == "/items/{id}"


def test_operations_are_selected_by_name(client: TestClient) -> None:
    page = register(client, operations=["get_item", "list_items"])
    assert [action["name"] for action in page["data"]] == ["list_items", "get_item"]


def test_an_operation_that_the_document_lacks_is_refused(client: TestClient) -> None:
    body = {"openapi_schema": document(), "operations": ["list_items", "buy"]}
    assert refused(client.post("/v1/actions", json=body))["param"] == "operations[1]"
    assert created(client.get("/v1/actions"))["data"] == []


@pytest.mark.parametrize(
    ("schema", "param"),
    [
        ({}, "openapi_schema.openapi"),
        (document(openapi="2.0"), "openapi_schema.openapi"),
        (document(paths={}), "openapi_schema.paths"),
        (document(servers=[{"url": "ftp://shop.example"}]), "openapi_schema.servers[0].url"),
    ],
)
def test_a_mistake_in_the_document_is_told_with_its_place(
    client: TestClient, schema: dict[str, Any], param: str
) -> None:
    error = refused(client.post("/v1/actions", json={"openapi_schema": schema}))
    assert error["param"] == param
    assert error["message"].startswith("Invalid 'openapi_schema': ")


def test_an_action_can_be_a_tool_of_an_assistant(client: TestClient) -> None:
    action = register(client)["data"][0]["id"]
    tools = [WEATHER, {"type": "action", "id": action}]
    assistant = make_assistant(client, tools=tools)
    found = created(client.get(f"/v1/assistants/{assistant}"))
    assert found["tools"][1] == {"type": "action", "id": action}


def test_an_action_and_a_function_cannot_have_the_same_name(client: TestClient) -> None:
    action = register(client)["data"][0]["id"]
    function = {"type": "function", "function": {"name": "list_items"}}
    body = {"model": "m", "tools": [function, {"type": "action", "id": action}]}
    assert refused(client.post("/v1/assistants", json=body))["param"] == "tools[1].id"


def test_another_projects_action_is_not_there(client: TestClient, stranger: TestClient) -> None:
    action = register(client)["data"][0]["id"]
    error = refused(stranger.get(f"/v1/actions/{action}"), 404)
    assert error["message"] == f"No action found with id '{action}'."
    body = {"model": "m", "tools": [{"type": "action", "id": action}]}
    assert refused(stranger.post("/v1/assistants", json=body))["param"] == "tools[0].id"
    assert created(stranger.get("/v1/actions"))["data"] == []


def test_a_document_of_hundreds_of_operations_is_registered_whole(client: TestClient) -> None:
    paths = {f"/p{number}": {"get": {"operationId": f"get_{number}"}} for number in range(250)}
    body = {"openapi_schema": document(paths=paths)}
    page = created(client.post("/v1/actions", json=body))
    assert [action["name"] for action in page["data"]] == [f"get_{n}" for n in range(250)]


@pytest.mark.parametrize(
    "authentication",
    [
        {"type": "none"},
        {"type": "bearer", "secret": "hush-hush"},
        {"type": "basic", "username": "hush", "password": "hush"},
        {"type": "api_key", "name": "X-Key", "in": "header", "secret": "hush-hush"},
        {"type": "custom", "content": {"X-Key": "hush-hush"}},
    ],
)
def test_authentication_is_stored_for_every_operation_and_shown_to_nobody(
    client: TestClient, context: ApiContext, authentication: dict[str, Any]
) -> None:
    page = register(client, authentication=authentication)
    assert len(page["data"]) == 3
    for action in page["data"]:
        record = context.objects.get_action(TENANT, action["id"])
        assert record is not None
        assert record.authentication is not None
        stored = record.authentication.model_dump(exclude_none=True)
        assert stored == authentication
        shown = [action, created(client.get(f"/v1/actions/{action['id']}"))]
        assert "hush" not in str(shown)
    assert "hush" not in client.get("/v1/actions").text


@pytest.mark.parametrize(
    ("authentication", "param", "words"),
    [
        ({"type": "oauth2", "client_id": "SECRET"}, "authentication.type", "not served here yet"),
        ({"type": "bearer", "secret": "SECRET\n"}, "authentication.secret", "printable ASCII"),
        (
            {"type": "custom", "content": {"X-A": "SECRET\r\nX-B: 1"}},
            "authentication.content.X-A",
            "printable ASCII",
        ),
        (
            {"type": "custom", "content": {"Host": "SECRET"}},
            "authentication.content.Host",
            "set this header themselves",
        ),
        ({"type": "basic", "username": "SECRET"}, "authentication", "either 'secret', or"),
        ({"type": "none", "secret": "SECRET"}, "authentication.secret", "Unknown parameter"),
    ],
)
def test_authentication_that_makes_no_request_is_refused_without_being_repeated(
    client: TestClient, authentication: dict[str, Any], param: str, words: str
) -> None:
    body = {"openapi_schema": document(), "authentication": authentication}
    answer = client.post("/v1/actions", json=body)
    error = refused(answer)
    assert error["param"] == param
    assert words in error["message"]
    assert "SECRET" not in answer.text
    assert created(client.get("/v1/actions"))["data"] == []
