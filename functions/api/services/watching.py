"""Subscriptions over the WebSocket: register first, read the log second.

A writer logs first and asks for subscribers second; whatever the interleaving, one of the two sees
the other. What both send is dropped by the client, by id.
"""

import json
from typing import Any

from adapters.dynamodb.errors import ThreadMissing
from adapters.dynamodb.subscriptions import Subscription
from core.access import Access
from core.errors import ApiError, InvalidRequest, PermissionDenied, not_found
from core.event_log import EventId, join_batches
from core.frames import frames
from core.ids import is_well_formed
from core.records import RunRecord
from core.schema.socket import Ping, Subscribe, Unsubscribe
from wiring.bootstrap import SocketContext


def answer(
    context: SocketContext,
    connection_id: str,
    access: Access,
    request: Subscribe | Unsubscribe | Ping,
) -> None:
    """Carry out a request and push its answer to the connection."""
    try:
        reply = _carry_out(context, connection_id, access, request)
    except ApiError as error:
        reply = {"type": "error", **error.body()}
    reply_to(context, connection_id, reply, request.id)


def reply_to(
    context: SocketContext, connection_id: str, reply: dict[str, Any], request_id: str | None
) -> None:
    """Push a reply, with the id that the client gave its request."""
    named = reply if request_id is None else reply | {"id": request_id}
    context.pusher.send(connection_id, json.dumps(named))


def _carry_out(
    context: SocketContext,
    connection_id: str,
    access: Access,
    request: Subscribe | Unsubscribe | Ping,
) -> dict[str, Any]:
    if isinstance(request, Ping):
        return {"type": "pong"}
    require_admission(access, request.thread_id)
    tenant = access.tenant
    subscription = Subscription(connection_id, request.thread_id, request.run_id)
    named = {"thread_id": request.thread_id, "run_id": request.run_id}
    if isinstance(request, Unsubscribe):
        _check_ids(request)
        context.subscriptions.remove(tenant, subscription)
        return {"type": "unsubscribed", **named}
    after = _after(request)
    run = _watched_run(context, tenant, request)
    context.subscriptions.add(tenant, subscription)
    last = _send_backlog(context, connection_id, run, after) if run is not None else None
    return {
        "type": "subscribed",
        **named,
        "last": None if last is None else str(last),
        "status": run.to_wire().status if run is not None else None,
    }


def require_admission(access: Access, thread_id: str | None) -> None:
    """Check that a connection may reach a thread; None is one that is to be made.

    Raises:
        PermissionDenied: its ticket is for another thread, whether there is this one or not.
    """
    if not access.admits(thread_id):
        raise PermissionDenied(
            "This connection was opened with a ticket for one thread, and reaches no other.",
            param="thread_id",
            code="thread_not_allowed",
        )


def _check_ids(request: Subscribe | Unsubscribe) -> None:
    if not is_well_formed(request.thread_id):
        raise not_found("thread", request.thread_id, param="thread_id")
    if request.run_id is not None and not is_well_formed(request.run_id):
        raise not_found("run", request.run_id, param="run_id")


def _after(request: Subscribe) -> EventId | None:
    if request.after is None:
        return None
    if request.run_id is None:
        raise InvalidRequest("'after' goes with 'run_id': event ids count per run.", param="after")
    try:
        return EventId.parse(request.after)
    except ValueError as error:
        raise InvalidRequest(f"Invalid 'after': {error}", param="after") from None


def _watched_run(context: SocketContext, tenant: str, request: Subscribe) -> RunRecord | None:
    """Return the run whose log is sent at once: the one asked for, or the thread's active one."""
    _check_ids(request)
    run_id = request.run_id
    if run_id is None:
        try:
            run_id = context.threads.active_run(tenant, request.thread_id)
        except ThreadMissing:
            raise not_found("thread", request.thread_id, param="thread_id") from None
        if run_id is None:
            return None
    run = context.runs.get(tenant, request.thread_id, run_id)
    if run is None:
        raise not_found("run", run_id, param="run_id")
    return run


def _send_backlog(
    context: SocketContext, connection_id: str, run: RunRecord, after: EventId | None
) -> EventId | None:
    """Push what the log holds after an id; return the last id that the client has then."""
    last = after
    for batch in join_batches(context.event_log.read(run.tenant, run.id, after)):
        for text in frames(run.thread_id, run.id, batch):
            context.pusher.send(connection_id, text)
        last = batch.last
    return last
