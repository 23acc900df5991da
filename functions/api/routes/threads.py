"""`/v1/threads`."""

from api.dependencies import Context, Tenant
from api.routes.routers import project_router
from api.services import threads
from core.schema.threads import CreateThread, Thread

router = project_router("Threads")


@router.post("/v1/threads")
def create_thread(context: Context, tenant: Tenant, request: CreateThread | None = None) -> Thread:
    """Create a thread, with first messages if they are given."""
    return threads.create_thread(context, tenant, request or CreateThread())


@router.get("/v1/threads/{thread_id}")
def get_thread(context: Context, tenant: Tenant, thread_id: str) -> Thread:
    """Return a thread."""
    return threads.get_thread(context, tenant, thread_id)
