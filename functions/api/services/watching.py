"""Subscriptions over the WebSocket: register first, read the log second.

A writer logs first and asks for subscribers second; whatever the interleaving, one of the two sees
the other. What both send is dropped by the client, by id.
"""

from typing import Any

from adapters.dynamodb.errors import ThreadMissing
from adapters.dynamodb.subscriptions import Subscription
from core.audience import Watched
from core.errors import InvalidRequest, not_found
from core.event_log import EventId, join_batches
from core.frames import frames
from core.ids import is_well_formed
from core.records import RunRecord
from core.schema.socket import Subscribe, Unsubscribe
from wiring.bootstrap import SocketContext


def subscribe(
    context: SocketContext, connection_id: str, tenant: str, request: Subscribe
) -> dict[str, Any]:
    """Have a connection watch a run or a thread, and push what the log holds; return the answer.

    Raises:
        NotFound: there is no such thread or run.
        InvalidRequest: `after` is no event id, or of no run.
    """
    after = _after(request)
    run = _watched_run(context, tenant, request)
    context.subscriptions.add(
        tenant, Subscription(connection_id, request.thread_id, request.run_id)
    )
    last = None
    if run is not None:
        last = send_backlog(context, connection_id, (tenant, run.thread_id, run.id), after)
    return {
        "type": "subscribed",
        **_names(request),
        "last": None if last is None else str(last),
        "status": run.to_wire().status if run is not None else None,
    }


def unsubscribe(
    context: SocketContext, connection_id: str, tenant: str, request: Unsubscribe
) -> dict[str, Any]:
    """Have a connection watch a run or a thread no longer; return the answer.

    Raises:
        NotFound: what is named cannot be a thread or a run.
    """
    _check_ids(request)
    context.subscriptions.remove(
        tenant, Subscription(connection_id, request.thread_id, request.run_id)
    )
    return {"type": "unsubscribed", **_names(request)}


def send_backlog(
    context: SocketContext, connection_id: str, run: Watched, after: EventId | None
) -> EventId | None:
    """Push what a run's log holds after an id, as long as somebody is there to take it.

    Returns:
        The last id that the client has then.
    """
    tenant, thread_id, run_id = run
    last = after
    for batch in join_batches(context.event_log.read(tenant, run_id, after)):
        for text in frames(thread_id, run_id, batch):
            if not context.pusher.send(connection_id, text):
                return last
        last = batch.last
    return last


def _names(request: Subscribe | Unsubscribe) -> dict[str, str | None]:
    return {"thread_id": request.thread_id, "run_id": request.run_id}


def _check_ids(request: Subscribe | Unsubscribe) -> None:
    if not is_well_formed(request.thread_id):
        raise not_found("thread", request.thread_id, param="thread_id")
    if request.run_id is not None and not is_well_formed(request.run_id):
        raise not_found("run", request.run_id, param="run_id")


def _after(request: Subscribe) -> EventId | None:
    if request.after is None:
        return None
    if request.run_id is None:
        raise InvalidRequest(
            "'after' goes with 'run_id': event ids count per run.",
            param="after",
            code="invalid_value",
        )
    try:
        return EventId.parse(request.after)
    except ValueError as error:
        raise InvalidRequest(
            f"Invalid 'after': {error}", param="after", code="invalid_value"
        ) from None


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
