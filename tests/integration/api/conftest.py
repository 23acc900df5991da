"""The application on the world's stores and queues, and clients with keys."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from adapters.outside import Outside
from api.app import create_app
from tests.support.api import api_context_of, make_project_key
from tests.support.world import TENANT, World
from wiring.bootstrap import ApiContext

Caller = Callable[[str], TestClient]


@pytest.fixture
def context(world: World) -> ApiContext:
    """The API's parts, on the same tables and queues as the world's runner."""
    return api_context_of(world)


@pytest.fixture
def anonymous(context: ApiContext) -> TestClient:
    """A client without a key."""
    return TestClient(create_app(context))


@pytest.fixture
def project_key(context: ApiContext) -> str:
    """A key of the world's project."""
    return make_project_key(context, TENANT)


@pytest.fixture
def client(context: ApiContext, project_key: str) -> TestClient:
    """A client with a key of the world's project."""
    return with_key(context, project_key)


@pytest.fixture
def near(context: ApiContext, project_key: str) -> TestClient:
    """A client of a deployment that may reach this machine."""
    object.__setattr__(context, "outside", Outside("127.0.0.1"))
    return with_key(context, project_key)


@pytest.fixture
def admin(context: ApiContext) -> TestClient:
    """A client with an admin key."""
    return with_key(context, context.keys.create_admin_key("operator"))


@pytest.fixture
def stranger(context: ApiContext) -> TestClient:
    """A client with a key of another project."""
    return with_key(context, make_project_key(context, "proj_other"))


def with_key(context: ApiContext, key: str) -> TestClient:
    """Return a client that sends a key with every request."""
    return TestClient(create_app(context), headers={"Authorization": f"Bearer {key}"})
