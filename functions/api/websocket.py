"""The WebSocket API's routes: connect, disconnect, and everything a client says.

Routes answer without a body: whatever a client hears was pushed to its connection.
"""

from collections.abc import Mapping
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from api.auth import authenticate
from api.services.socket_requests import receive
from core.access import Access
from core.errors import ApiError
from core.schema.socket import PROTOCOL_VERSION
from wiring.bootstrap import SocketContext, socket_context
from wiring.telemetry import count, logger, metrics, tracer

DRAIN_SECONDS: Final = 5.0


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], lambda_context: LambdaContext) -> dict[str, int]:
    """Answer an event of the WebSocket API.

    Returns:
        The status code alone; from `$connect` it decides whether the connection is made.
    """
    context = socket_context()
    request_context = event["requestContext"]
    connection_id = request_context["connectionId"]
    route = request_context["routeKey"]
    if route == "$connect":
        query = event.get("queryStringParameters") or {}
        return {"statusCode": connect(context, connection_id, event.get("headers") or {}, query)}
    if route == "$disconnect":
        context.subscriptions.disconnect(connection_id)
        count("Disconnections")
        return {"statusCode": 200}
    count("SocketRequests")
    arrived_ms = request_context.get("requestTimeEpoch") or context.clock()
    receive(context, connection_id, event.get("body") or "", int(arrived_ms))
    context.pusher.drain(DRAIN_SECONDS)
    return {"statusCode": 200}


def connect(
    context: SocketContext,
    connection_id: str,
    headers: Mapping[str, str],
    query: Mapping[str, str],
) -> int:
    """Let a client in, by a ticket in the query string or a project's key in the headers.

    Returns:
        The status of the handshake.
    """
    if query.get("protocol", str(PROTOCOL_VERSION)) != str(PROTOCOL_VERSION):
        count("ConnectionsRefused")
        return 400
    ticket = query.get("ticket")
    access = _by_key(context, headers) if ticket is None else _by_ticket(context, ticket)
    if access is None:
        count("ConnectionsRefused")
        logger.info("connection refused")
        return 401
    context.subscriptions.connect(connection_id, access)
    count("Connections")
    return 200


def _by_ticket(context: SocketContext, ticket: str) -> Access | None:
    """Use a ticket up; it opens nothing once the key that it was made with is gone."""
    access = context.tickets.redeem(ticket)
    if access is None or not context.keys.is_live(access.tenant, access.key_id):
        return None
    return access


def _by_key(context: SocketContext, headers: Mapping[str, str]) -> Access | None:
    authorization = next(
        (value for name, value in headers.items() if name.lower() == "authorization"), None
    )
    try:
        key = authenticate(authorization, context.keys.find, "project")
    except ApiError:
        return None
    return Access(key.tenant, key.id)
