"""Models over HTTP: what the backend offers, in OpenAI's shape."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import openai
import pytest
from fastapi.testclient import TestClient
from openai import OpenAI

from api.app import create_app
from infra.local.scripted_model import ScriptedModelServer
from tests.integration.api.conftest import with_key
from tests.integration.api.support import created, refused
from tests.support.http_service import Exchange, Received, http_service
from wiring.bootstrap import ApiContext, build_catalog

OWN: dict[str, Any] = {"id": "gpt-4o", "object": "model", "created": 7, "owned_by": "system"}
SLASHED: dict[str, Any] = {"id": "meta/llama-3:8b", "created": 5, "owned_by": "meta", "root": "/m"}


class Backend:
    """A backend that a test may have answer something else; it counts its calls."""

    def __init__(self) -> None:
        self.status = 200
        self.listing: Any = {"object": "list", "data": [OWN, SLASHED]}
        self.calls = 0

    def answer(self, exchange: Exchange, _request: Received) -> None:
        """Answer a request."""
        self.calls += 1
        exchange.answer(self.status, json.dumps(self.listing).encode())


def at(context: ApiContext, base_url: str) -> ApiContext:
    """Return the API's parts with a model backend that is there."""
    settings = context.settings.model_copy(update={"model_base_url": base_url})
    return replace(context, settings=settings, catalog=build_catalog(settings))


@pytest.fixture
def backend() -> Backend:
    """What the backend does."""
    return Backend()


@pytest.fixture
def asking(context: ApiContext, backend: Backend) -> Iterator[ApiContext]:
    """The API's parts, with the backend."""
    with http_service(backend.answer) as service:
        yield at(context, f"http://127.0.0.1:{service.port}/v1")


@pytest.fixture
def asker(asking: ApiContext, project_key: str) -> TestClient:
    """A client of an API with the backend."""
    return with_key(asking, project_key)


def test_the_list_has_openais_shape_and_nothing_else(asker: TestClient) -> None:
    slashed = {"id": "meta/llama-3:8b", "object": "model", "created": 5, "owned_by": "meta"}
    assert created(asker.get("/v1/models")) == {"object": "list", "data": [OWN, slashed]}


@pytest.mark.parametrize("name", ["meta/llama-3:8b", "meta%2Fllama-3%3A8b"])
def test_a_name_may_have_slashes_colons_and_dots(asker: TestClient, name: str) -> None:
    assert created(asker.get(f"/v1/models/{name}"))["id"] == "meta/llama-3:8b"


@pytest.mark.parametrize("name", ["gpt-4", "meta", "meta/llama-3:8b/", "..%2Fmodels"])
def test_a_model_that_is_not_listed_does_not_exist(asker: TestClient, name: str) -> None:
    error = refused(asker.get(f"/v1/models/{name}"), 404)
    shown = name.replace("%2F", "/")
    assert error["message"] == f"The model '{shown}' does not exist"
    assert (error["type"], error["param"], error["code"]) == (
        "invalid_request_error",
        "model",
        "model_not_found",
    )


def test_a_long_name_is_cut(asker: TestClient) -> None:
    error = refused(asker.get(f"/v1/models/{'x' * 5000}"), 404)
    assert error["message"] == f"The model '{'x' * 100}' does not exist"


def test_who_asks_often_costs_the_backend_one_call(asker: TestClient, backend: Backend) -> None:
    for path in ["/v1/models", "/v1/models", "/v1/models/gpt-4o", "/v1/models/none"]:
        asker.get(path)
    assert backend.calls == 1


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/gpt-4o"])
def test_models_are_for_the_keys_of_projects(
    asking: ApiContext, backend: Backend, path: str
) -> None:
    refused(TestClient(create_app(asking)).get(path), 401)
    refused(with_key(asking, asking.keys.create_admin_key("operator")).get(path), 403)
    assert backend.calls == 0


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/gpt-4o"])
@pytest.mark.parametrize(("status", "retry"), [(503, None), (401, "false"), (404, "false")])
def test_a_failing_backend_is_a_502_that_clients_repeat_if_that_may_help(
    asker: TestClient, backend: Backend, path: str, status: int, retry: str | None
) -> None:
    backend.status, backend.listing = status, {"error": {"message": "words-of-the-backend"}}
    answer = asker.get(path)
    error = refused(answer, 502)
    assert error["type"] == "server_error"
    assert f"HTTP {status}" in error["message"]
    assert "words-of-the-backend" not in answer.text
    assert answer.headers.get("x-should-retry") == retry


def test_a_model_is_not_deleted_here(asker: TestClient) -> None:
    refused(asker.delete("/v1/models/gpt-4o"), 405)


def test_the_sdk_lists_and_retrieves_the_scripted_model(
    context: ApiContext, project_key: str
) -> None:
    with ScriptedModelServer() as server:
        app = TestClient(create_app(at(context, server.base_url)))
        sdk = OpenAI(
            api_key=project_key, base_url="http://testserver/v1", http_client=app, max_retries=0
        )
        (model,) = sdk.models.list()
        assert sdk.models.retrieve(model.id) == model
        with pytest.raises(openai.NotFoundError) as missing:
            sdk.models.retrieve("meta/llama-3:8b")
    assert (model.id, model.owned_by) == ("scripted-model", "threadrunner")
    assert missing.value.code == "model_not_found"


def test_the_sdk_repeats_only_what_may_succeed(
    asking: ApiContext, project_key: str, backend: Backend
) -> None:
    app = TestClient(create_app(asking))
    sdk = OpenAI(
        api_key=project_key, base_url="http://testserver/v1", http_client=app, max_retries=1
    )
    backend.status = 401
    with pytest.raises(openai.InternalServerError, match="Check the model key"):
        sdk.models.list()
    assert backend.calls == 1
    backend.status = 503
    with pytest.raises(openai.InternalServerError, match="Please try again"):
        sdk.models.list()
    assert backend.calls == 3
