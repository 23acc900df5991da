"""`/v1/threads/{thread_id}/runs/{run_id}/steps`."""

from typing import Annotated

from fastapi import Depends

from api.dependencies import Context, Include, Tenant, page_query
from api.routes.routers import project_router
from api.services import steps
from core.paging import PageQuery
from core.schema.common import ListPage
from core.schema.steps import RunStep

router = project_router("Run steps")
Page = Annotated[PageQuery, Depends(page_query("run step", "step"))]


@router.get("/v1/threads/{thread_id}/runs/{run_id}/steps", dependencies=[Include])
def list_steps(
    context: Context, tenant: Tenant, thread_id: str, run_id: str, query: Page
) -> ListPage[RunStep]:
    """List a run's steps."""
    return steps.list_steps(context, tenant, thread_id, run_id, query)


@router.get("/v1/threads/{thread_id}/runs/{run_id}/steps/{step_id}", dependencies=[Include])
def get_step(
    context: Context, tenant: Tenant, thread_id: str, run_id: str, step_id: str
) -> RunStep:
    """Return a run step."""
    return steps.get_step(context, tenant, thread_id, run_id, step_id)
