"""The API on a world's stores and queues."""

from typing import Any

from adapters.outside import Outside
from core.keys import KeyRecord, new_key
from tests.support.world import World
from wiring.bootstrap import ApiContext, Stores, build_action_secrets, build_catalog
from wiring.settings import ApiSettings

SOCKET_URL = "wss://socket.test/live"


def api_context_of(world: World) -> ApiContext:
    """Return the API's parts, on the same tables and queues as the world's runner."""
    parts: dict[str, Any] = {name: getattr(world.runner, name) for name in Stores.__slots__}
    named = world.runner.settings.model_dump() | world.timers.settings.model_dump()
    settings = ApiSettings.model_validate(named | {"websocket_url": SOCKET_URL})
    return ApiContext(
        **parts,
        settings=settings,
        queues=world.queues,
        catalog=build_catalog(settings),
        action_secrets=build_action_secrets(settings),
        outside=Outside(settings.egress_allow),
    )


def make_project_key(context: ApiContext, tenant: str) -> str:
    """Create a key of a project, and return it."""
    key = new_key("project")
    record = KeyRecord(
        id=context.ids.new("user"), tenant=tenant, scope="project", name="test", created_at=1
    )
    context.keys.create(record, key)
    return key
