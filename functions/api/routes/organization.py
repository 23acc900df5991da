"""`/v1/organization/projects`: projects and their keys, for admin keys only."""

from typing import Annotated

from fastapi import Depends

from api.dependencies import Context, page_query
from api.idempotency import OnlyOnce
from api.routes.routers import admin_router
from api.services import organization
from core.paging import PageQuery
from core.schema.common import ListPage
from core.schema.organization import (
    CreateProject,
    CreateServiceAccount,
    DeletedServiceAccount,
    Project,
    ServiceAccount,
)

router = admin_router("Organization")
Page = Annotated[PageQuery, Depends(page_query("project", "proj"))]


@router.post("/v1/organization/projects")
def create_project(context: Context, once: OnlyOnce, request: CreateProject) -> Project:
    """Create a project."""
    return organization.create_project(context, request, once)


@router.get("/v1/organization/projects")
def list_projects(context: Context, query: Page) -> ListPage[Project]:
    """List all projects."""
    return organization.list_projects(context, query)


@router.get("/v1/organization/projects/{project_id}")
def get_project(context: Context, project_id: str) -> Project:
    """Return a project."""
    return organization.get_project(context, project_id)


@router.post("/v1/organization/projects/{project_id}/service_accounts")
def create_service_account(
    context: Context, project_id: str, request: CreateServiceAccount
) -> ServiceAccount:
    """Create a service account; its key is in this answer and never shown again."""
    return organization.create_service_account(context, project_id, request)


@router.delete("/v1/organization/projects/{project_id}/service_accounts/{account_id}")
def delete_service_account(
    context: Context, project_id: str, account_id: str
) -> DeletedServiceAccount:
    """Delete a service account and its key."""
    return organization.delete_service_account(context, project_id, account_id)
