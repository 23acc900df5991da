"""The WebSocket API's routes: connect, disconnect, and everything a client says.

Routes answer without a body: whatever a client hears was pushed to its connection.
"""

from collections.abc import Mapping
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import TypeAdapter, ValidationError

from api.auth import authenticate
from api.services.watching import answer, reply_to
from core.access import Access
from core.errors import ApiError, AuthenticationFailed, InvalidRequest
from core.schema.socket import Ping, Request, Subscribe, Unsubscribe
from wiring.bootstrap import SocketContext, socket_context
from wiring.telemetry import count, log_failure, logger, metrics, tracer

DRAIN_SECONDS: Final = 20.0
_REQUEST: Final[TypeAdapter[Subscribe | Unsubscribe | Ping]] = TypeAdapter(Request)
_INTERNAL: Final = {
    "error": {
        "message": "The server had an error while processing your request. Send it again.",
        "type": "server_error",
        "param": None,
        "code": None,
    }
}


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
    receive(context, connection_id, event.get("body") or "")
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


def receive(context: SocketContext, connection_id: str, body: str) -> None:
    """Answer what a client said; every answer, an error too, is pushed."""
    access = context.subscriptions.access_of(connection_id)
    if access is None:
        # Its record is gone (after its TTL): the client connects anew and resumes.
        error = InvalidRequest("This connection is no longer known. Connect again.")
        reply_to(context, connection_id, {"type": "error", **error.body()}, None)
        return
    if not context.keys.is_live(access.tenant, access.key_id):
        context.subscriptions.disconnect(connection_id)
        gone = AuthenticationFailed("The API key of this connection was deleted.")
        reply_to(context, connection_id, {"type": "error", **gone.body()}, None)
        return
    try:
        request = _REQUEST.validate_json(body)
    except ValidationError as error:
        reply_to(context, connection_id, {"type": "error", **_refusal(error).body()}, None)
        return
    try:
        answer(context, connection_id, access, request)
    except Exception as error:
        log_failure("request over the WebSocket failed", error)
        reply_to(context, connection_id, {"type": "error", **_INTERNAL}, request.id)


def _refusal(error: ValidationError) -> InvalidRequest:
    fault = error.errors(include_url=False, include_input=False)[0]
    if fault["type"] in ("json_invalid", "string_unicode"):
        return InvalidRequest("The message is not a JSON object.")
    if fault["type"].startswith("union_tag"):
        return InvalidRequest(
            "Invalid 'action': it must be 'subscribe', 'unsubscribe' or 'ping'.", param="action"
        )
    # The first part of the place is the action, which chose the shape.
    param = ".".join(str(part) for part in fault["loc"][1:]) or None
    return InvalidRequest(f"Invalid '{param}': {fault['msg']}.", param=param)
