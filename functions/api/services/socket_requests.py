"""What a client asks for over the WebSocket, carried out and answered."""

from typing import Any

from adapters.dynamodb.errors import StoreUnavailable
from api.services.socket_runs import change_run, create_and_watch
from api.services.watching import subscribe, unsubscribe
from api.socket_messages import error_answer, id_of, parse_message, parse_request, spell
from api.statuses import OVERLOADED_STATUS, overloaded
from core.access import Access
from core.errors import (
    ApiError,
    AuthenticationFailed,
    InvalidRequest,
    PermissionDenied,
    ServerFault,
)
from core.schema.socket import PROTOCOL_VERSION, Ping, Request, RunCreate, Subscribe, Unsubscribe
from wiring.bootstrap import SocketContext
from wiring.telemetry import log_failure


def receive(context: SocketContext, connection_id: str, text: str, arrived_ms: int) -> None:
    """Carry out what a client said; every answer, an error too, is pushed to it.

    Args:
        context: the WebSocket function's parts.
        connection_id: who said it.
        text: what was said.
        arrived_ms: when the gateway got it.
    """
    request_id = None
    try:
        access = _access(context, connection_id)
        message = parse_message(text)
        request_id = id_of(message)
        answer = _carry_out(context, connection_id, access, parse_request(message), arrived_ms)
    except ApiError as error:
        answer = error_answer(error)
    except StoreUnavailable:
        answer = error_answer(overloaded(), OVERLOADED_STATUS)
    except Exception as error:
        log_failure("request over the WebSocket failed", error)
        fault = "The server had an error while processing your request. Send it again."
        answer = error_answer(ServerFault(fault))
    if answer is not None:
        context.pusher.send(connection_id, spell(answer, request_id))


def _access(context: SocketContext, connection_id: str) -> Access:
    """Return what a connection may reach.

    Raises:
        InvalidRequest: nothing is known of it: its record went after its time.
        AuthenticationFailed: the key that opened it is gone, and so is what it was subscribed to.
    """
    access = context.subscriptions.access_of(connection_id)
    if access is None:
        raise InvalidRequest(
            "This connection is no longer known. Connect again.", code="connection_unknown"
        )
    if not context.keys.is_live(access.tenant, access.key_id):
        context.subscriptions.disconnect(connection_id)
        raise AuthenticationFailed("The API key that opened this connection was deleted.")
    return access


def _carry_out(
    context: SocketContext, connection_id: str, access: Access, request: Request, arrived_ms: int
) -> dict[str, Any] | None:
    """Carry out a request; return its answer, or None if it was sent."""
    if isinstance(request, Ping):
        return {"type": "pong", "protocol": PROTOCOL_VERSION}
    if not access.admits(request.thread_id):
        # Whether there is such a thread or not.
        raise PermissionDenied(
            "This connection was opened with a ticket for one thread, and reaches no other.",
            param="thread_id",
            code="thread_not_allowed",
        )
    if isinstance(request, Subscribe):
        return subscribe(context, connection_id, access.tenant, request)
    if isinstance(request, Unsubscribe):
        return unsubscribe(context, connection_id, access.tenant, request)
    if isinstance(request, RunCreate):
        create_and_watch(context, connection_id, access, request, arrived_ms)
        return None
    return change_run(context, access, request, arrived_ms)
