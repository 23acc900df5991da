"""Runs created, answered and cancelled over the WebSocket: the HTTP API's use cases, pushed."""

import json
from typing import Any

from adapters.dynamodb.idempotency import Once, Repeated
from adapters.dynamodb.subscriptions import Subscription
from api.services.run_changes import after_commit
from api.services.run_creation import create_run, create_thread_and_run
from api.services.runs import cancel_run
from api.services.tool_outputs import submit_tool_outputs
from api.services.watching import send_backlog
from api.socket_messages import run_answer, run_object, spell
from api.validation import validated
from core.access import Access
from core.idempotency import Attempt, digest
from core.schema.runs import CreateRun, CreateThreadAndRun, Run, SubmitToolOutputs
from core.schema.socket import RunCancel, RunCreate, RunMessage, RunSubmitToolOutputs
from wiring.bootstrap import SocketContext


def create_and_watch(
    context: SocketContext, connection_id: str, access: Access, request: RunCreate, arrived_ms: int
) -> None:
    """Create a run, answer, and have the connection watch it from its first event on.

    The answer comes before any frame: it is waited for, then the log's first events are sent, and
    only then is the connection subscribed, and the log read for what came meanwhile. The run goes
    on whatever becomes of the connection.

    Args:
        context: the WebSocket function's parts.
        connection_id: who asks.
        access: what the connection may reach.
        request: what is asked for.
        arrived_ms: when the gateway got it.

    Raises:
        ApiError: as the HTTP API would answer.
    """
    attempt = _attempt(access, request, arrived_ms)
    replayed = False
    try:
        run = run_object(_create(context, request, context.answers.once(access.tenant, attempt)))
    except Repeated as first:
        run, replayed = json.loads(first.answer), True
    answer = run_answer("run.created", run, last=None, replayed=replayed)
    if context.pusher.send(connection_id, spell(answer, request.id)):
        after_commit(
            "connection not subscribed to its run",
            lambda: _watch(context, connection_id, access.tenant, run),
        )


def change_run(
    context: SocketContext,
    access: Access,
    request: RunCancel | RunSubmitToolOutputs,
    arrived_ms: int,
) -> dict[str, Any]:
    """Cancel a run or give it outputs; return the answer.

    Raises:
        ApiError: as the HTTP API would answer.
    """
    attempt = _attempt(access, request, arrived_ms)
    try:
        run = run_object(_change(context, access.tenant, request, attempt))
    except Repeated as first:
        run = json.loads(first.answer)
    return run_answer("run.updated", run)


def _create(context: SocketContext, request: RunCreate, once: Once) -> Run:
    # Its events follow in any case, so it does not matter whether they were asked for.
    body = {name: value for name, value in request.run.items() if name != "stream"}
    if request.thread_id is None:
        whole = validated(CreateThreadAndRun, body)
        return create_thread_and_run(context, once.tenant, whole, once)
    return create_run(context, once.tenant, request.thread_id, validated(CreateRun, body), once)


def _change(
    context: SocketContext,
    tenant: str,
    request: RunCancel | RunSubmitToolOutputs,
    attempt: Attempt,
) -> Run:
    if isinstance(request, RunCancel):
        return cancel_run(context, tenant, request.thread_id, request.run_id, attempt)
    body = validated(SubmitToolOutputs, {"tool_outputs": request.tool_outputs})
    once = context.answers.once(tenant, attempt)
    run = submit_tool_outputs(context, tenant, request.thread_id, request.run_id, body, once)
    return run.to_wire()


def _watch(context: SocketContext, connection_id: str, tenant: str, run: dict[str, Any]) -> None:
    thread_id, run_id = run["thread_id"], run["id"]
    watched = (tenant, thread_id, run_id)
    # As long as it is not registered, nobody else pushes: so the first frame is the log's first.
    last = send_backlog(context, connection_id, watched, None)
    context.subscriptions.add(tenant, Subscription(connection_id, thread_id, run_id))
    send_backlog(context, connection_id, watched, last)


def _attempt(access: Access, request: RunMessage, arrived_ms: int) -> Attempt:
    """Return what tells this request from others.

    Those who hold tickets for threads of their own share a key, and need not agree on what they
    call their requests.
    """
    asked = request.model_dump(exclude={"id", "idempotency_key"})
    fingerprint = digest("websocket", json.dumps(asked, sort_keys=True))
    caller = access.key_id if access.thread_id is None else f"{access.key_id}/{access.thread_id}"
    return Attempt(caller, fingerprint, arrived_ms, key=request.idempotency_key)
