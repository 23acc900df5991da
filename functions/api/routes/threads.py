"""`/v1/threads`."""

from typing import Annotated

from fastapi import Depends

from api.dependencies import Context, Tenant, page_query
from api.idempotency import OnlyOnce
from api.routes.routers import project_router
from api.services import threads
from core.paging import PageQuery
from core.schema.common import DeletedObject, ListPage
from core.schema.threads import CreateThread, ModifyThread, Thread

router = project_router("Threads")
Page = Annotated[PageQuery, Depends(page_query("thread", "thread"))]


@router.post("/v1/threads")
def create_thread(
    context: Context, tenant: Tenant, once: OnlyOnce, request: CreateThread | None = None
) -> Thread:
    """Create a thread, with first messages if they are given."""
    return threads.create_thread(context, tenant, request or CreateThread(), once)


@router.get("/v1/threads")
def list_threads(context: Context, tenant: Tenant, query: Page) -> ListPage[Thread]:
    """List the project's threads. OpenAI never had this."""
    return threads.list_threads(context, tenant, query)


@router.get("/v1/threads/{thread_id}")
def get_thread(context: Context, tenant: Tenant, thread_id: str) -> Thread:
    """Return a thread."""
    return threads.get_thread(context, tenant, thread_id)


@router.post("/v1/threads/{thread_id}")
def modify_thread(
    context: Context, tenant: Tenant, thread_id: str, request: ModifyThread
) -> Thread:
    """Change a thread's metadata and what its tools may use."""
    return threads.modify_thread(context, tenant, thread_id, request)


@router.delete("/v1/threads/{thread_id}")
def delete_thread(
    context: Context, tenant: Tenant, once: OnlyOnce, thread_id: str
) -> DeletedObject:
    """Delete a thread with its messages and runs; one that is active is cancelled."""
    return threads.delete_thread(context, tenant, thread_id, once)
