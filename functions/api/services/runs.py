"""Use cases of runs that are there: look, label, cancel."""

from api.services.lookups import found, require_run, require_thread, well_formed
from api.services.pages import fitting
from api.services.run_changes import end_cancelled, retry_if_moved, send_check
from core.errors import InvalidRequest
from core.idempotency import Attempt
from core.paging import PageQuery
from core.records import RunRecord
from core.schema.common import ListPage, ModifyMetadata
from core.schema.runs import Run
from wiring.bootstrap import ClientContext


def get_run(context: ClientContext, tenant: str, thread_id: str, run_id: str) -> RunRecord:
    """Return a run, or raise NotFound."""
    return require_run(context, tenant, thread_id, run_id)


def list_runs(
    context: ClientContext, tenant: str, thread_id: str, query: PageQuery
) -> ListPage[Run]:
    """Return a page of a thread's runs."""
    well_formed("thread", thread_id)
    page = context.runs.list(tenant, thread_id, query)
    if not page.data:
        require_thread(context, tenant, thread_id)
    return fitting(page, query)


def modify_run(
    context: ClientContext, tenant: str, thread_id: str, run_id: str, request: ModifyMetadata
) -> Run:
    """Set a run's metadata, or raise NotFound."""
    if "metadata" not in request.model_fields_set:
        return get_run(context, tenant, thread_id, run_id).to_wire()
    well_formed("thread", thread_id)
    well_formed("run", run_id)
    run = context.runs.set_metadata(tenant, thread_id, run_id, request.metadata or {})
    if run is None:
        require_thread(context, tenant, thread_id)
    return found("run", run_id, run).to_wire()


def cancel_run(
    context: ClientContext, tenant: str, thread_id: str, run_id: str, attempt: Attempt
) -> Run:
    """Cancel a run: at once if nobody works on it, else by telling the worker.

    Cancelling a run that is being cancelled changes nothing and is no error; nor is a retry of the
    request by which it was cancelled.

    Raises:
        NotFound: there is no such run.
        InvalidRequest: it has ended.
    """
    return retry_if_moved(
        lambda: _cancel(context, require_run(context, tenant, thread_id, run_id), attempt)
    ).to_wire()


def _cancel(context: ClientContext, run: RunRecord, attempt: Attempt) -> RunRecord:
    if run.status == "cancelled" and attempt.may_repeat:
        return run
    if run.ended:
        raise InvalidRequest(f"Cannot cancel run with status '{run.status}'.")
    if run.is_leased(context.clock()):
        if run.cancel_requested:
            return run
        # The worker may die before it sees the flag.
        send_check(context, run, run.watch)
        return context.leases.request_cancel(run)
    return end_cancelled(context, run)
