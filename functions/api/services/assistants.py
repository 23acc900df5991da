"""Use cases of assistants."""

from api.services.lookups import require_assistant
from api.services.pages import fitting
from api.services.tools import check_tools
from core.paging import PageQuery
from core.schema.assistants import Assistant, AssistantRecord, CreateAssistant
from core.schema.common import ListPage
from wiring.bootstrap import ApiContext


def create_assistant(context: ApiContext, tenant: str, request: CreateAssistant) -> Assistant:
    """Create an assistant.

    Raises:
        InvalidRequest: its tools contradict each other, or name an action that is not there.
    """
    tools = request.tools or []
    check_tools(context, tenant, tools)
    assistant = Assistant(
        id=context.ids.new("asst"),
        created_at=context.clock() // 1000,
        name=request.name,
        description=request.description,
        model=request.model,
        instructions=request.instructions,
        tools=tools,
        metadata=request.metadata or {},
        temperature=request.temperature,
        top_p=request.top_p,
        response_format=request.response_format,
    )
    record = AssistantRecord(wire=assistant, reasoning_effort=request.reasoning_effort)
    context.objects.put_assistant(tenant, record)
    return assistant


def get_assistant(context: ApiContext, tenant: str, assistant_id: str) -> Assistant:
    """Return an assistant, or raise NotFound."""
    return require_assistant(context, tenant, assistant_id).wire


def list_assistants(context: ApiContext, tenant: str, query: PageQuery) -> ListPage[Assistant]:
    """Return a page of the project's assistants."""
    return fitting(context.objects.list_assistants(tenant, query), query)
