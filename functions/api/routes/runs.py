"""`/v1/threads/{thread_id}/runs`, and `/v1/threads/runs`."""

from typing import Annotated

from fastapi import Depends, Request, Response

from api.dependencies import Context, Include, Tenant, page_query
from api.event_stream import STREAMED, EventStream, stream_from
from api.idempotency import OnlyOnce, ThisAttempt
from api.polling import POLL_AFTER_MS, poll_after_ms
from api.routes.routers import project_router
from api.services import run_creation, runs, tool_outputs
from api.services.streaming import StreamPlace, refuse_stream
from core.paging import PageQuery
from core.schema.common import ListPage, ModifyMetadata
from core.schema.runs import CreateRun, CreateThreadAndRun, Run, SubmitToolOutputs

router = project_router("Runs")
Page = Annotated[PageQuery, Depends(page_query("run", "run"))]


@router.post("/v1/threads/runs", response_model=Run, responses=STREAMED)
def create_thread_and_run(
    context: Context,
    tenant: Tenant,
    once: OnlyOnce,
    request: CreateThreadAndRun,
    http_request: Request,
) -> Run | EventStream:
    """Create a thread and have an assistant work on it."""
    refuse_stream(context, request.stream)
    run = run_creation.create_thread_and_run(context, tenant, request, once)
    return stream_from(http_request, StreamPlace.behind(run, None)) if request.stream else run


@router.post(
    "/v1/threads/{thread_id}/runs",
    response_model=Run,
    responses=STREAMED,
    dependencies=[Include],
)
def create_run(
    context: Context,
    tenant: Tenant,
    once: OnlyOnce,
    thread_id: str,
    request: CreateRun,
    http_request: Request,
) -> Run | EventStream:
    """Have an assistant work on a thread."""
    refuse_stream(context, request.stream)
    run = run_creation.create_run(context, tenant, thread_id, request, once)
    return stream_from(http_request, StreamPlace.behind(run, None)) if request.stream else run


@router.get("/v1/threads/{thread_id}/runs")
def list_runs(context: Context, tenant: Tenant, thread_id: str, query: Page) -> ListPage[Run]:
    """List a thread's runs."""
    return runs.list_runs(context, tenant, thread_id, query)


@router.get("/v1/threads/{thread_id}/runs/{run_id}")
def get_run(
    context: Context, tenant: Tenant, thread_id: str, run_id: str, response: Response
) -> Run:
    """Return a run."""
    run = runs.get_run(context, tenant, thread_id, run_id)
    if not run.ended:
        response.headers[POLL_AFTER_MS] = str(poll_after_ms(run, context.clock()))
    return run.to_wire()


@router.post("/v1/threads/{thread_id}/runs/{run_id}")
def modify_run(
    context: Context, tenant: Tenant, thread_id: str, run_id: str, request: ModifyMetadata
) -> Run:
    """Change a run's metadata."""
    return runs.modify_run(context, tenant, thread_id, run_id, request)


@router.post("/v1/threads/{thread_id}/runs/{run_id}/cancel")
def cancel_run(
    context: Context, tenant: Tenant, attempt: ThisAttempt, thread_id: str, run_id: str
) -> Run:
    """Cancel a run that has not ended."""
    return runs.cancel_run(context, tenant, thread_id, run_id, attempt)


@router.post(
    "/v1/threads/{thread_id}/runs/{run_id}/submit_tool_outputs",
    response_model=Run,
    responses=STREAMED,
)
def submit_tool_outputs(
    context: Context,
    tenant: Tenant,
    once: OnlyOnce,
    thread_id: str,
    run_id: str,
    request: SubmitToolOutputs,
    http_request: Request,
) -> Run | EventStream:
    """Give a run the outputs of all the calls that it waits for."""
    refuse_stream(context, request.stream)
    run = tool_outputs.submit_tool_outputs(context, tenant, thread_id, run_id, request, once)
    if request.stream:
        return stream_from(http_request, StreamPlace.behind(run, run.base))
    return run.to_wire()
