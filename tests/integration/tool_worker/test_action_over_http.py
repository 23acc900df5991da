"""From a document to a model's call to a service and back, over real connections."""

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from pydantic import TypeAdapter

from adapters.action_caller import action_caller
from adapters.egress import EgressAllowList
from core.openapi import parse_document
from core.schema.authentication import Authentication
from tests.support.http_service import Exchange, HttpService, Received, http_service
from tool_worker.registry import ToolCallInput, ToolOutput, ToolRegistry
from tool_worker.tools.action import ActionTool

AUTHENTICATION = TypeAdapter[Authentication](Authentication).validate_python
SECRET = "hush-hush"
BEARER = {"type": "bearer", "secret": SECRET}
CUSTOM = {"type": "custom", "content": {"X-Anything": SECRET, "Cookie": f"session={SECRET}"}}
IN_QUERY = {"type": "api_key", "name": "key", "in": "query", "secret": SECRET}
PETS = {"7": {"id": "7", "name": "Rex"}}


def behave(exchange: Exchange, request: Received) -> None:
    """A pet shop."""
    url = urlsplit(request.target)
    if request.method == "POST":
        pet = json.loads(request.body)
        exchange.answer(
            201, json.dumps({"id": "8", **pet}).encode(), Content_Type="application/json"
        )
    elif url.path == "/v1/pets":
        found = json.dumps({"asked": parse_qsl(url.query)}).encode()
        exchange.answer(200, found, Content_Type="application/json; charset=utf-8")
    elif url.path == "/v1/pets/photo":
        exchange.answer(200, b"\x89PNG" * 100, Content_Type="image/png")
    elif url.path == "/v1/pets/slow":
        time.sleep(3)
    elif url.path == "/v1/pets/away":
        exchange.answer(302, Location="http://169.254.169.254/latest/meta-data/")
    elif url.path in ("/v1/pets/elsewhere", "/v1/pets/here"):
        host = "localhost" if url.path.endswith("elsewhere") else "127.0.0.1"
        port = request.headers["host"].partition(":")[2]
        exchange.answer(307, Location=f"http://{host}:{port}/v1/pets/7")
    elif url.path == "/v1/pets/moved":
        # As a proxy does that knows a service's other name: it repeats the query.
        port = request.headers["host"].partition(":")[2]
        exchange.answer(301, Location=f"http://localhost:{port}/v1/pets/7?{url.query}")
    elif url.path == "/v1/pets/mirror":
        told = json.dumps({"target": request.target, "headers": request.headers}).encode()
        exchange.answer(200, told, Content_Type="application/json")
    elif url.path.removeprefix("/v1/pets/") in PETS:
        pet = PETS[url.path.removeprefix("/v1/pets/")]
        exchange.answer(200, json.dumps(pet).encode(), Content_Type="application/json")
    else:
        exchange.answer(404, b'{"error": "no such pet"}', Content_Type="application/json")


def document(port: int) -> dict[str, Any]:
    return {
        "openapi": "3.0.3",
        "info": {"title": "Pets", "version": "1"},
        "servers": [{"url": f"http://127.0.0.1:{port}/v1"}],
        "paths": {
            "/pets": {
                "get": {
                    "operationId": "listPets",
                    "parameters": [
                        {
                            "name": "tags",
                            "in": "query",
                            "schema": {"type": "array", "items": {"type": "string"}},
                        },
                        {"name": "X-Page", "in": "header", "schema": {"type": "integer"}},
                    ],
                },
                "post": {
                    "operationId": "addPet",
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Pet"}}
                        },
                    },
                },
            },
            "/pets/{id}": {
                "get": {
                    "operationId": "getPet",
                    "parameters": [
                        {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
                    ],
                }
            },
        },
        "components": {
            "schemas": {
                "Pet": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": {"type": "string"},
                        "parent": {"$ref": "#/components/schemas/Pet"},
                    },
                }
            }
        },
    }


@pytest.fixture
def shop() -> Iterator[HttpService]:
    with http_service(behave) as running:
        yield running


def run(
    shop: HttpService,
    name: str,
    arguments: str,
    *,
    allow: str | None = None,
    seconds: float = 5,
    authentication: dict[str, Any] | None = None,
) -> ToolOutput:
    """Do what the tool worker does with a call, from what was stored with it."""
    stored = {one.name: one.to_json() for one in parse_document(document(shop.port)).operations}
    allowed = EgressAllowList.parse(f"127.0.0.1:{shop.port}" if allow is None else allow)
    registry = ToolRegistry({"action": ActionTool(action_caller(allowed, max_output_chars=500))})
    return registry.run(
        "action",
        ToolCallInput(
            name=name,
            arguments=arguments,
            configuration=stored[name],
            timeout_seconds=seconds,
            idempotency_key="run_1-step_1-call_1",
            authentication=None if authentication is None else AUTHENTICATION(authentication),
        ),
    )


def test_an_action_reads_from_the_service(shop: HttpService) -> None:
    output = run(shop, "getPet", '{"id": "7"}')
    assert (json.loads(output.output), output.failed) == (PETS["7"], False)
    assert shop.received[0].headers["idempotency-key"] == "run_1-step_1-call_1"
    assert shop.received[0].headers["accept"] == "application/json, */*;q=0.8"


def test_an_action_writes_to_the_service(shop: HttpService) -> None:
    output = run(shop, "addPet", '{"name": "Größe", "parent": {"name": "Rex"}}')
    assert json.loads(output.output) == {"id": "8", "name": "Größe", "parent": {"name": "Rex"}}
    (received,) = shop.received
    assert received.headers["content-type"] == "application/json"
    assert json.loads(received.body) == {"name": "Größe", "parent": {"name": "Rex"}}


def test_parameters_arrive_where_they_belong(shop: HttpService) -> None:
    output = run(shop, "listPets", '{"tags": ["a&b", "c d"], "X-Page": 2}')
    assert json.loads(output.output) == {"asked": [["tags", "a&b"], ["tags", "c d"]]}
    assert shop.received[0].headers["x-page"] == "2"


def test_a_missing_pet_is_told_with_its_status(shop: HttpService) -> None:
    output = run(shop, "getPet", '{"id": "9"}')
    assert output.failed
    assert json.loads(output.output) == {"status": 404, "body": '{"error": "no such pet"}'}


def test_a_photo_is_described(shop: HttpService) -> None:
    output = run(shop, "getPet", '{"id": "photo"}')
    assert output.output == "[The response is not text (image/png, 400 bytes).]"


def test_a_hostile_argument_stays_an_argument(shop: HttpService) -> None:
    run(shop, "getPet", '{"id": "7?admin=1#x@evil.example"}')
    assert shop.received[0].target == "/v1/pets/7%3Fadmin%3D1%23x%40evil.example"
    output = run(shop, "getPet", '{"id": "../../admin"}')
    assert "'.' or '..'" in json.loads(output.output)["error"]
    output = run(shop, "listPets", '{"X-Page": "1\\r\\nHost: evil.example"}')
    assert "printable ASCII" in json.loads(output.output)["error"]
    assert len(shop.received) == 1


@pytest.mark.parametrize("arguments", ["", "{", "[]", '{"id": null}', '{"pet": "7"}'])
def test_arguments_that_make_no_request_never_leave(shop: HttpService, arguments: str) -> None:
    output = run(shop, "getPet", arguments)
    assert output.failed
    assert json.loads(output.output)["error"]
    assert shop.received == []


def test_a_service_of_this_machine_is_refused_unless_it_is_allowed(shop: HttpService) -> None:
    output = run(shop, "getPet", '{"id": "7"}', allow="")
    assert output.failed
    assert json.loads(output.output) == {
        "error": "Tools may not reach the host '127.0.0.1': it is not public."
    }
    assert shop.received == []


def test_a_redirect_to_the_metadata_service_is_refused(shop: HttpService) -> None:
    output = run(shop, "getPet", '{"id": "away"}', allow="0.0.0.0/0")
    assert json.loads(output.output) == {
        "error": "Tools may not reach the host '169.254.169.254': it is not public."
    }


def test_a_slow_service_is_given_up_in_time(shop: HttpService) -> None:
    started = time.monotonic()
    output = run(shop, "getPet", '{"id": "slow"}', seconds=0.3)
    assert time.monotonic() - started < 2
    assert "did not answer in time" in json.loads(output.output)["error"]


@pytest.mark.parametrize("authentication", [BEARER, CUSTOM, IN_QUERY])
def test_credentials_go_to_the_service_and_to_no_other_host(
    shop: HttpService, authentication: dict[str, Any]
) -> None:
    allow = f"127.0.0.1:{shop.port},localhost:{shop.port}"
    output = run(shop, "getPet", '{"id": "elsewhere"}', allow=allow, authentication=authentication)
    assert json.loads(output.output) == PETS["7"]
    first, second = shop.received
    assert SECRET in first.target + str(first.headers)
    assert second.headers["host"].startswith("localhost:")
    assert SECRET not in second.target + str(second.headers)


def test_credentials_in_headers_follow_a_redirect_within_the_service(shop: HttpService) -> None:
    run(shop, "getPet", '{"id": "here"}', authentication=BEARER)
    assert [one.headers["authorization"] for one in shop.received] == [f"Bearer {SECRET}"] * 2


@pytest.mark.parametrize("authentication", [BEARER, CUSTOM, IN_QUERY])
def test_credentials_that_come_back_do_not_reach_the_model(
    shop: HttpService, authentication: dict[str, Any]
) -> None:
    output = run(shop, "getPet", '{"id": "mirror"}', authentication=authentication)
    assert SECRET in shop.received[0].target + str(shop.received[0].headers)
    assert SECRET not in output.output
    assert "***" in output.output


def test_an_argument_does_not_take_the_place_of_credentials(shop: HttpService) -> None:
    page = {"type": "api_key", "name": "X_PAGE", "in": "header", "secret": SECRET}
    run(shop, "listPets", '{"X-Page": 2, "tags": ["a"]}', authentication=page)
    tags = {"type": "api_key", "name": "TAGS", "in": "query", "secret": SECRET}
    run(shop, "listPets", '{"X-Page": 2, "tags": ["a", "b"]}', authentication=tags)
    first, second = shop.received
    assert (first.headers.get("x-page"), first.headers["x_page"]) == (None, SECRET)
    assert parse_qsl(urlsplit(second.target).query) == [("TAGS", SECRET)]


@pytest.mark.parametrize("secret", [SECRET, "a b/c+d%&="])
def test_a_redirect_that_repeats_the_key_for_another_host_is_not_followed(
    shop: HttpService, secret: str
) -> None:
    allow = f"127.0.0.1:{shop.port},localhost:{shop.port}"
    key = IN_QUERY | {"secret": secret}
    output = run(shop, "getPet", '{"id": "moved"}', allow=allow, authentication=key)
    assert json.loads(output.output) == {
        "error": f"http://127.0.0.1:{shop.port} redirects to another host with credentials in the "
        "URL."
    }
    assert len(shop.received) == 1
    followed = run(shop, "getPet", '{"id": "moved"}', allow=allow, authentication=BEARER)
    assert json.loads(followed.output) == PETS["7"]
