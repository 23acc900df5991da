"""Use cases of run steps."""

from api.services.lookups import missing, require_run, well_formed
from api.services.pages import fitting
from core.paging import PageQuery
from core.schema.common import ListPage
from core.schema.steps import RunStep
from wiring.bootstrap import ApiContext


def get_step(
    context: ApiContext, tenant: str, thread_id: str, run_id: str, step_id: str
) -> RunStep:
    """Return a step, or raise NotFound for it, its run or its thread."""
    well_formed("thread", thread_id)
    well_formed("run", run_id)
    step = context.objects.get_step(tenant, run_id, well_formed("run step", step_id))
    if step is None or step.thread_id != thread_id:
        require_run(context, tenant, thread_id, run_id)
        raise missing("run step", step_id)
    return step


def list_steps(
    context: ApiContext, tenant: str, thread_id: str, run_id: str, query: PageQuery
) -> ListPage[RunStep]:
    """Return a page of a run's steps."""
    well_formed("thread", thread_id)
    page = context.objects.list_steps(tenant, well_formed("run", run_id), query)
    if not page.data or page.data[0].thread_id != thread_id:
        require_run(context, tenant, thread_id, run_id)
    return fitting(page, query)
