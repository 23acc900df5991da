"""Use cases of run steps."""

from api.services.lookups import found, require_run, well_formed
from api.services.pages import fitting
from core.paging import PageQuery
from core.schema.common import ListPage
from core.schema.steps import RunStep
from wiring.bootstrap import ApiContext


def get_step(
    context: ApiContext, tenant: str, thread_id: str, run_id: str, step_id: str
) -> RunStep:
    """Return a step, or raise NotFound for it, its run or its thread."""
    well_formed("run step", step_id)
    require_run(context, tenant, thread_id, run_id)
    return found("run step", step_id, context.objects.get_step(tenant, run_id, step_id))


def list_steps(
    context: ApiContext, tenant: str, thread_id: str, run_id: str, query: PageQuery
) -> ListPage[RunStep]:
    """Return a page of a run's steps."""
    require_run(context, tenant, thread_id, run_id)
    return fitting(context.objects.list_steps(tenant, run_id, query), query)
