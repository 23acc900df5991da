"""The application on the world's stores and queues, and clients with keys."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from core.keys import KeyRecord, new_key
from tests.support.world import TENANT, World
from wiring.bootstrap import ApiContext, Stores
from wiring.settings import ApiSettings

Caller = Callable[[str], TestClient]


@pytest.fixture
def context(world: World) -> ApiContext:
    """The API's parts, on the same tables and queues as the world's runner."""
    parts: dict[str, Any] = {name: getattr(world.runner, name) for name in Stores.__slots__}
    settings = ApiSettings.model_validate(
        world.timers.settings.model_dump() | {"websocket_url": "wss://socket.test/live"}
    )
    return ApiContext(**parts, settings=settings, queues=world.queues)


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
def admin(context: ApiContext) -> TestClient:
    """A client with an admin key."""
    return with_key(context, context.keys.create_admin_key("operator"))


@pytest.fixture
def stranger(context: ApiContext) -> TestClient:
    """A client with a key of another project."""
    return with_key(context, make_project_key(context, "proj_other"))


def make_project_key(context: ApiContext, tenant: str) -> str:
    """Create a key of a project, and return it."""
    key = new_key("project")
    record = KeyRecord(
        id=context.ids.new("user"), tenant=tenant, scope="project", name="test", created_at=1
    )
    context.keys.create(record, key)
    return key


def with_key(context: ApiContext, key: str) -> TestClient:
    """Return a client that sends a key with every request."""
    return TestClient(create_app(context), headers={"Authorization": f"Bearer {key}"})
