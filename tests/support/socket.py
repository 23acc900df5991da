"""A client of the WebSocket function, on a world's tables: what it says, and what it hears."""

import json
from typing import Any

from api.services.socket_requests import receive
from api.websocket import connect
from core.access import Access
from core.keys import KeyRecord, new_key
from tests.support.protocol import check_message, check_request
from tests.support.world import TENANT, World
from wiring.bootstrap import SocketContext, Stores
from wiring.settings import ClientSettings

KEY_ID = "user_1"
ACCESS = Access(TENANT, KEY_ID)


def socket_context_of(world: World) -> SocketContext:
    """Return the WebSocket function's parts, on the same tables and queues as the runner."""
    parts: dict[str, Any] = {name: getattr(world.runner, name) for name in Stores.__slots__}
    named = world.runner.settings.model_dump() | world.timers.settings.model_dump()
    settings = ClientSettings.model_validate(named)
    return SocketContext(**parts, settings=settings, queues=world.queues)


def make_key(context: Stores, tenant: str = TENANT, key_id: str = KEY_ID) -> str:
    """Create a project's key under a known id, and return it."""
    key = new_key("project")
    record = KeyRecord(id=key_id, tenant=tenant, scope="project", name="test", created_at=1)
    context.keys.create(record, key)
    return key


class SocketClient:
    """The other end of one connection.

    Args:
        world: what its messages are pushed in.
        context: the WebSocket function's parts.
        connection_id: as the gateway would name it.
    """

    def __init__(self, world: World, context: SocketContext, connection_id: str) -> None:
        self._world = world
        self._context = context
        self.id = connection_id

    def connect(self, *, key: str | None = None, ticket: str | None = None) -> int:
        """Open the connection; return the handshake's status."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        query = {} if ticket is None else {"ticket": ticket}
        return connect(self._context, self.id, headers, query)

    def say(self, **request: Any) -> list[dict[str, Any]]:
        """Send a request, and return what came since the last one.

        All that comes must be as it is documented; so must the request, if it is understood.
        """
        answers = self.send(json.dumps(request))
        if all(answer.get("type") != "error" for answer in answers):
            check_request(request)
        return answers

    def send(self, body: str) -> list[dict[str, Any]]:
        """Send any text, and return what came since the last one."""
        receive(self._context, self.id, body, self._world.clock())
        return self.heard()

    def heard(self) -> list[dict[str, Any]]:
        """Return what was pushed to this connection, and forget it."""
        texts = self._world.pusher.texts
        own = [json.loads(text) for connection, text in texts if connection == self.id]
        for message in own:
            check_message(message)
        texts[:] = [each for each in texts if each[0] != self.id]
        return own
