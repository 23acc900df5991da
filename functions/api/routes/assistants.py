"""`/v1/assistants`."""

from typing import Annotated

from fastapi import Depends

from api.dependencies import Context, Tenant, page_query
from api.idempotency import OnlyOnce
from api.routes.routers import project_router
from api.services import assistants
from core.paging import PageQuery
from core.schema.assistants import Assistant, CreateAssistant, ModifyAssistant
from core.schema.common import DeletedObject, ListPage

router = project_router("Assistants")
Page = Annotated[PageQuery, Depends(page_query("assistant", "asst"))]


@router.post("/v1/assistants")
def create_assistant(
    context: Context, tenant: Tenant, once: OnlyOnce, request: CreateAssistant
) -> Assistant:
    """Create an assistant."""
    return assistants.create_assistant(context, tenant, request, once)


@router.get("/v1/assistants")
def list_assistants(context: Context, tenant: Tenant, query: Page) -> ListPage[Assistant]:
    """List the project's assistants."""
    return assistants.list_assistants(context, tenant, query)


@router.get("/v1/assistants/{assistant_id}")
def get_assistant(context: Context, tenant: Tenant, assistant_id: str) -> Assistant:
    """Return an assistant."""
    return assistants.get_assistant(context, tenant, assistant_id)


@router.post("/v1/assistants/{assistant_id}")
def modify_assistant(
    context: Context, tenant: Tenant, assistant_id: str, request: ModifyAssistant
) -> Assistant:
    """Change an assistant; runs that were created before go on as they were."""
    return assistants.modify_assistant(context, tenant, assistant_id, request)


@router.delete("/v1/assistants/{assistant_id}")
def delete_assistant(context: Context, tenant: Tenant, assistant_id: str) -> DeletedObject:
    """Delete an assistant; runs that were created before go on."""
    return assistants.delete_assistant(context, tenant, assistant_id)
