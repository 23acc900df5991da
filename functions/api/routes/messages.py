"""`/v1/threads/{thread_id}/messages`."""

from typing import Annotated

from fastapi import Depends, Query

from api.dependencies import Context, Tenant, page_query
from api.idempotency import OnlyOnce
from api.routes.routers import project_router
from api.services import messages
from core.paging import PageQuery
from core.schema.common import DeletedObject, ListPage, ModifyMetadata
from core.schema.messages import CreateMessage, Message

router = project_router("Messages")
Page = Annotated[PageQuery, Depends(page_query("message", "msg"))]
RunId = Annotated[str | None, Query(description="Only messages that this run wrote.")]


@router.post("/v1/threads/{thread_id}/messages")
def create_message(
    context: Context, tenant: Tenant, once: OnlyOnce, thread_id: str, request: CreateMessage
) -> Message:
    """Add a message to a thread on which no run is active."""
    return messages.create_message(context, tenant, thread_id, request, once)


@router.get("/v1/threads/{thread_id}/messages")
def list_messages(
    context: Context, tenant: Tenant, thread_id: str, query: Page, run_id: RunId = None
) -> ListPage[Message]:
    """List a thread's messages."""
    return messages.list_messages(context, tenant, thread_id, query, run_id or None)


@router.get("/v1/threads/{thread_id}/messages/{message_id}")
def get_message(context: Context, tenant: Tenant, thread_id: str, message_id: str) -> Message:
    """Return a message."""
    return messages.get_message(context, tenant, thread_id, message_id)


@router.post("/v1/threads/{thread_id}/messages/{message_id}")
def modify_message(
    context: Context, tenant: Tenant, thread_id: str, message_id: str, request: ModifyMetadata
) -> Message:
    """Change a message's metadata."""
    return messages.modify_message(context, tenant, thread_id, message_id, request)


@router.delete("/v1/threads/{thread_id}/messages/{message_id}")
def delete_message(
    context: Context, tenant: Tenant, thread_id: str, message_id: str
) -> DeletedObject:
    """Delete a message that no run is writing."""
    return messages.delete_message(context, tenant, thread_id, message_id)
