"""`/v1/threads/{thread_id}/runs/{run_id}/events`."""

from typing import Annotated

from fastapi import Query

from api.dependencies import Context, Limit, Tenant
from api.routes.routers import project_router
from api.services import events
from api.services.events import RunEvent
from core.schema.common import ListPage

router = project_router("Events")
After = Annotated[str | None, Query(description="Only events that follow the one of this id.")]


@router.get("/v1/threads/{thread_id}/runs/{run_id}/events")
def list_events(
    context: Context,
    tenant: Tenant,
    thread_id: str,
    run_id: str,
    after: After = None,
    limit: Limit = 20,
) -> ListPage[RunEvent]:
    """List the events of a run, oldest first: what its subscribers were sent."""
    return events.list_events(context, tenant, thread_id, run_id, after=after, limit=limit)
