"""`/v1/threads/{thread_id}/runs`."""

from typing import Annotated

from fastapi import Depends

from api.dependencies import Context, Tenant, page_query
from api.routes.routers import project_router
from api.services import runs, tool_outputs
from core.paging import PageQuery
from core.schema.common import ListPage
from core.schema.runs import CreateRun, Run, SubmitToolOutputs

router = project_router("Runs")
Page = Annotated[PageQuery, Depends(page_query("run", "run"))]


@router.post("/v1/threads/{thread_id}/runs")
def create_run(context: Context, tenant: Tenant, thread_id: str, request: CreateRun) -> Run:
    """Have an assistant work on a thread."""
    return runs.create_run(context, tenant, thread_id, request)


@router.get("/v1/threads/{thread_id}/runs")
def list_runs(context: Context, tenant: Tenant, thread_id: str, query: Page) -> ListPage[Run]:
    """List a thread's runs."""
    return runs.list_runs(context, tenant, thread_id, query)


@router.get("/v1/threads/{thread_id}/runs/{run_id}")
def get_run(context: Context, tenant: Tenant, thread_id: str, run_id: str) -> Run:
    """Return a run."""
    return runs.get_run(context, tenant, thread_id, run_id)


@router.post("/v1/threads/{thread_id}/runs/{run_id}/cancel")
def cancel_run(context: Context, tenant: Tenant, thread_id: str, run_id: str) -> Run:
    """Cancel a run that has not ended."""
    return runs.cancel_run(context, tenant, thread_id, run_id)


@router.post("/v1/threads/{thread_id}/runs/{run_id}/submit_tool_outputs")
def submit_tool_outputs(
    context: Context, tenant: Tenant, thread_id: str, run_id: str, request: SubmitToolOutputs
) -> Run:
    """Give a run the outputs of all the calls that it waits for."""
    return tool_outputs.submit_tool_outputs(context, tenant, thread_id, run_id, request)
