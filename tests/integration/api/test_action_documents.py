"""Where the document of actions comes from, and what of it becomes a tool."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from tests.integration.api.support import created, refused
from tests.integration.api.test_actions import document
from tests.support.http_service import Exchange, HttpService, Received, http_service
from wiring.bootstrap import ApiContext

YAML = """
openapi: 3.0.3
info: {title: Shop, version: 2024-01-31}
servers:
  - url: https://shop.example/api
paths:
  /items:
    get:
      operationId: list_items
      parameters: &paging
        - {name: limit, in: query, schema: {type: integer, default: 10}}
      responses: {200: {description: Fine}}
  /orders:
    get:
      operationId: list_orders
      parameters: *paging
"""


def register(client: TestClient, **body: Any) -> Any:
    return created(client.post("/v1/actions", json=body))


def behave(exchange: Exchange, request: Received) -> None:
    """A site with documents."""
    path = request.target.partition("?")[0]
    found = {
        "/specs/shop.yaml": YAML,
        "/specs/relative.json": json.dumps(document(servers=[{"url": "../v2"}])),
        "/specs/nowhere.json": json.dumps(document(servers=[])),
    }
    if path == "/moved":
        exchange.answer(302, Location="/specs/shop.yaml")
    elif path == "/inside":
        exchange.answer(302, Location="http://169.254.169.254/latest/meta-data/")
    elif path in found:
        exchange.answer(200, found[path].encode(), Content_Type="text/plain")
    else:
        exchange.answer(404, b"hush")


@pytest.fixture
def site() -> Iterator[HttpService]:
    with http_service(behave) as running:
        yield running


def test_a_document_may_be_text_in_yaml_or_json(client: TestClient) -> None:
    from_yaml = register(client, openapi_schema=YAML)
    assert [action["name"] for action in from_yaml["data"]] == ["list_items", "list_orders"]
    limit = {"type": "integer", "default": 10}
    assert [one["parameters"]["properties"] for one in from_yaml["data"]] == [{"limit": limit}] * 2
    from_json = register(client, openapi_schema=json.dumps(document()))
    assert len(from_json["data"]) == 3


@pytest.mark.parametrize(
    ("text", "param", "words"),
    [
        ("a: &a [*a]", "openapi_schema", "the document has an alias within what it stands for"),
        ('{"openapi": ', "openapi_schema", "the document is not JSON (line 1, column 13)"),
        ("hush", "openapi_schema", "the document must be an object"),
        ("swagger: '2.0'", "openapi_schema.swagger", "convert it to OpenAPI 3"),
        (YAML.replace("in: query", "in: hush"), "openapi_schema", "must be one of path, query"),
    ],
)
def test_what_is_wrong_with_a_text_is_told_without_repeating_it(
    client: TestClient, text: str, param: str, words: str
) -> None:
    answer = client.post("/v1/actions", json={"openapi_schema": text})
    error = refused(answer)
    assert error["param"].startswith(param)
    assert words in error["message"]
    assert "hush" not in answer.text
    assert created(client.get("/v1/actions"))["data"] == []


def test_a_document_is_given_in_one_way(client: TestClient) -> None:
    both = {"openapi_schema": YAML, "openapi_url": "https://shop.example/a.yaml"}
    for body in ({}, both):
        error = refused(client.post("/v1/actions", json=body))
        assert "either 'openapi_schema'" in error["message"]


def test_a_document_is_fetched_from_its_url(near: TestClient, site: HttpService) -> None:
    base = f"http://127.0.0.1:{site.port}"
    for path in ("/specs/shop.yaml?key=hush", "/moved"):
        answer = near.post("/v1/actions", json={"openapi_url": base + path})
        assert len(created(answer)["data"]) == 2
        assert "hush" not in answer.text
    for path, server in (("relative", f"{base}/v2"), ("nowhere", base)):
        page = register(near, openapi_url=f"{base}/specs/{path}.json")
        assert {action["server_url"] for action in page["data"]} == {server}


@pytest.mark.parametrize("path", ["/gone?key=hush", "/inside?key=hush"])
def test_a_document_that_is_not_there_is_told_without_its_url(
    near: TestClient, site: HttpService, path: str
) -> None:
    url = f"http://127.0.0.1:{site.port}{path}"
    answer = near.post("/v1/actions", json={"openapi_url": url})
    error = refused(answer)
    assert error["param"] == "openapi_url"
    assert "the document cannot be fetched" in error["message"]
    assert "hush" not in answer.text


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/a.json",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/a.json",
        "http://2130706433/",
        "https://user:hush@shop.example/a.json",
        "file:///etc/passwd",
        "https://shop.example/ hush",
    ],
)
def test_urls_of_this_machine_and_other_schemes_are_refused(client: TestClient, url: str) -> None:
    answer = client.post("/v1/actions", json={"openapi_url": url})
    assert refused(answer)["param"] == "openapi_url"
    assert "hush" not in answer.text


def test_requests_go_where_the_user_says(client: TestClient) -> None:
    template = document(servers=[{"url": "https://{domain}.shop.example"}])
    body = {"openapi_schema": template, "server_url": "https://mine.shop.example/api/"}
    page = register(client, **body)
    assert {one["server_url"] for one in page["data"]} == {"https://mine.shop.example/api"}
    error = refused(client.post("/v1/actions", json=body | {"server_url": "mine.shop.example"}))
    assert error["param"] == "server_url"


def test_what_cannot_be_a_tool_is_told_with_the_actions(client: TestClient) -> None:
    schema = document()
    upload: Any = {"requestBody": {"content": {"multipart/form-data": {"schema": {}}}}}
    schema["paths"]["/photos"] = {"post": upload}
    page = register(client, openapi_schema=schema)
    assert len(page["data"]) == 3
    (skipped,) = page["skipped"]
    assert skipped["operation"] == "POST /photos"
    assert "must describe application/json" in skipped["reason"]
    body = {"openapi_schema": schema, "operations": ["POST /photos"]}
    error = refused(client.post("/v1/actions", json=body))
    assert error["param"] == "openapi_schema.paths['/photos'].post.requestBody.content"


def test_operations_are_chosen_by_tag_or_by_method_and_path(client: TestClient) -> None:
    schema = document()
    schema["paths"]["/items"]["get"]["tags"] = ["read"]
    page = register(client, openapi_schema=schema, tags=["read"], operations=["GET /items/{id}"])
    assert [action["name"] for action in page["data"]] == ["list_items", "get_item"]
    error = refused(client.post("/v1/actions", json={"openapi_schema": schema, "tags": ["reed"]}))
    assert (error["param"], "Similar: read." in error["message"]) == ("tags[0]", True)


def test_thousands_of_operations_need_a_choice(client: TestClient) -> None:
    paths = {f"/p{number}": {"get": {"operationId": f"get_{number}"}} for number in range(2_000)}
    body: dict[str, Any] = {"openapi_schema": json.dumps(document(paths=paths))}
    error = refused(client.post("/v1/actions", json=body))
    assert "describes 2000 operations, of which 500" in error["message"]
    page = register(client, **body, operations=["get_7", "get_1999"])
    assert [action["name"] for action in page["data"]] == ["get_7", "get_1999"]


def test_a_document_that_is_sent_again_is_registered_once(
    near: TestClient, site: HttpService
) -> None:
    body = {"openapi_url": f"http://127.0.0.1:{site.port}/specs/shop.yaml"}
    headers = {"Idempotency-Key": "once"}
    first, second = (near.post("/v1/actions", json=body, headers=headers) for _ in range(2))
    assert created(first) == created(second)
    assert len(site.received) == 1
    assert len(created(near.get("/v1/actions"))["data"]) == 2


def test_the_application_describes_the_ways_to_give_a_document(context: ApiContext) -> None:
    schemas = create_app(context).openapi()["components"]["schemas"]
    fields = schemas["CreateActions"]["properties"]
    assert {"openapi_schema", "openapi_url", "server_url", "tags"} <= fields.keys()
