"""Use cases of projects and their keys."""

from adapters.dynamodb.idempotency import Once
from api.services.lookups import missing, require_project, well_formed
from api.services.pages import fitting
from core.keys import KeyRecord, new_key
from core.paging import PageQuery
from core.schema.common import ListPage
from core.schema.organization import (
    CreateProject,
    CreateServiceAccount,
    DeletedServiceAccount,
    Project,
    ServiceAccount,
    ServiceAccountKey,
)
from wiring.bootstrap import ApiContext


def create_project(context: ApiContext, request: CreateProject, once: Once) -> Project:
    """Create a project: a tenant."""
    project = Project(
        id=context.ids.new("proj"), name=request.name, created_at=context.clock() // 1000
    )
    context.objects.create_project(project, once.receipt(project.model_dump_json()))
    return project


def get_project(context: ApiContext, project_id: str) -> Project:
    """Return a project, or raise NotFound."""
    return require_project(context, project_id)


def list_projects(context: ApiContext, query: PageQuery) -> ListPage[Project]:
    """Return a page of all projects."""
    return fitting(context.objects.list_projects(query), query)


def create_service_account(
    context: ApiContext, project_id: str, request: CreateServiceAccount
) -> ServiceAccount:
    """Create a service account with its key, which is in this answer and nowhere else."""
    require_project(context, project_id)
    now = context.clock() // 1000
    key = new_key("project")
    record = KeyRecord(
        id=context.ids.new("user"),
        tenant=project_id,
        scope="project",
        name=request.name,
        created_at=now,
    )
    context.keys.create(record, key)
    return ServiceAccount(
        id=record.id,
        name=record.name,
        created_at=now,
        api_key=ServiceAccountKey(
            id=context.ids.new("key"), name=record.name, created_at=now, value=key
        ),
    )


def delete_service_account(
    context: ApiContext, project_id: str, account_id: str
) -> DeletedServiceAccount:
    """Delete a service account: its key works no more, within the time that it is remembered."""
    require_project(context, project_id)
    well_formed("service account", account_id)
    if not context.keys.delete(project_id, account_id):
        raise missing("service account", account_id)
    return DeletedServiceAccount(id=account_id)
