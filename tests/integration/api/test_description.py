"""The served description, taken at its word: whatever it allows, an answer is one that it names."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from adapters.model_catalog import ModelCatalog
from adapters.secrets import SecretValue
from api.app import create_app
from api.routes.health import OPENAPI_URL
from tests.integration.api.support import WEATHER, created, make_assistant, make_run, make_thread
from tests.support.http_service import http_service
from tests.support.model import call, stop, text
from tests.support.world import World
from wiring.bootstrap import ApiContext

_EXAMPLES = 15
_MODELS = b'{"object":"list","data":[{"id":"m","object":"model","created":1,"owned_by":"me"}]}'
_METHODS = ("get", "post", "delete", "put", "patch")
_DESCRIPTION: dict[str, Any] = create_app().openapi()
_OPERATIONS = sorted(
    (path, method) for path, item in _DESCRIPTION["paths"].items() for method in item
)


class Known:
    """A project with something of every kind, whose ids requests are made of."""

    def __init__(self, client: TestClient, admin: TestClient, world: World) -> None:
        self.assistant = make_assistant(client, tools=[WEATHER])
        self.thread = make_thread(client, "Weather?")
        self.run = make_run(client, self.thread, self.assistant)["id"]
        world.model.turn(*text("A moment."), *call("get_weather", "{}", "call_1"), *stop("stop"))
        assert world.deliver_next()
        path = f"/v1/threads/{self.thread}"
        self.message = created(client.get(f"{path}/messages"))["data"][0]["id"]
        self.step = created(client.get(f"{path}/runs/{self.run}/steps"))["data"][0]["id"]
        projects = "/v1/organization/projects"
        self.project = created(admin.post(projects, json={"name": "Shop"}))["id"]

    def ids(self) -> dict[str, str]:
        """Return a known id for each name of a path's parameter."""
        return {f"{name}_id": value for name, value in vars(self).items()}


@pytest.fixture
def known(client: TestClient, admin: TestClient, world: World) -> Known:
    """A project with something of every kind."""
    return Known(client, admin, world)


@pytest.fixture
def described(context: ApiContext) -> Iterator[Any]:
    """The application's description, bound to the application, whose backend lists a model."""
    with http_service(lambda exchange, _request: exchange.answer(200, _MODELS)) as backend:
        url = f"http://127.0.0.1:{backend.port}/v1"
        catalog = ModelCatalog(url, SecretValue(lambda: "key"))
        app = create_app(replace(context, catalog=catalog))
        yield schemathesis.openapi.from_asgi(OPENAPI_URL, app)


def test_every_endpoint_is_described() -> None:
    described = {(path, method) for path, item in _DESCRIPTION["paths"].items() for method in item}
    assert {method for _, method in described} <= set(_METHODS)
    assert len(described) >= 30


@pytest.mark.parametrize(("path", "method"), _OPERATIONS)
def test_no_request_is_answered_in_a_way_that_is_not_described(
    path: str,
    method: str,
    described: Any,
    known: Known,
    client: TestClient,
    admin: TestClient,
) -> None:
    operation = described[path][method]
    key = (admin if path.startswith("/v1/organization") else client).headers["authorization"]

    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), real=st.booleans())
    def answer(case: Any, real: bool) -> None:
        if real:
            case.path_parameters = _with_known(case.path_parameters, known)
            case.body = _with_known(case.body, known)
        response = case.call(headers={"Authorization": key})
        case.validate_response(
            response,
            checks=[
                not_a_server_error,
                status_code_conformance,
                content_type_conformance,
                response_schema_conformance,
            ],
        )

    answer()


def _with_known(fields: Any, known: Known) -> Any:
    """Return fields with the ids among them replaced by those of objects that are there."""
    if not isinstance(fields, dict):
        return fields
    return {name: known.ids().get(name, value) for name, value in fields.items()}
