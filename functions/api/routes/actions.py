"""`/v1/actions`."""

from typing import Annotated

from fastapi import Depends

from api.dependencies import Context, Tenant, page_query
from api.idempotency import OnlyOnce
from api.routes.routers import project_router
from api.services import actions
from core.paging import PageQuery
from core.schema.actions import (
    Action,
    ActionRun,
    CreateActions,
    CreatedActions,
    ModifyAction,
    TryAction,
)
from core.schema.common import DeletedObject, ListPage

router = project_router("Actions")
Page = Annotated[PageQuery, Depends(page_query("action", "action"))]


@router.post("/v1/actions")
def create_actions(
    context: Context, tenant: Tenant, once: OnlyOnce, request: CreateActions
) -> CreatedActions:
    """Register the operations of an OpenAPI document as tools."""
    return actions.create_actions(context, tenant, request, once)


@router.get("/v1/actions")
def list_actions(context: Context, tenant: Tenant, query: Page) -> ListPage[Action]:
    """List the project's actions."""
    return actions.list_actions(context, tenant, query)


@router.get("/v1/actions/{action_id}")
def get_action(context: Context, tenant: Tenant, action_id: str) -> Action:
    """Return an action."""
    return actions.get_action(context, tenant, action_id)


@router.post("/v1/actions/{action_id}")
def modify_action(
    context: Context, tenant: Tenant, action_id: str, request: ModifyAction
) -> Action:
    """Change an action; calls that were made before go on as they were."""
    return actions.modify_action(context, tenant, action_id, request)


@router.delete("/v1/actions/{action_id}")
def delete_action(context: Context, tenant: Tenant, action_id: str) -> DeletedObject:
    """Delete an action; assistants that still have it cannot be run until they let it go."""
    return actions.delete_action(context, tenant, action_id)


@router.post("/v1/actions/{action_id}/run")
def run_action(context: Context, tenant: Tenant, action_id: str, request: TryAction) -> ActionRun:
    """Carry out an action once, with these parameters, and return what the service answered."""
    return actions.run_action(context, tenant, action_id, request)
