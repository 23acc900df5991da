"""Use cases of assistants."""

from typing import Any

from adapters.dynamodb.idempotency import Once
from api.services.file_references import check_files, files_of_resources
from api.services.lookups import found, missing, require_assistant, well_formed
from api.services.memory import check_memory
from api.services.pages import fitting
from api.services.tool_resources import given_resources, requested_resources
from api.services.tools import check_tools
from core.paging import PageQuery
from core.schema.assistants import (
    Assistant,
    AssistantRecord,
    CreateAssistant,
    ModifyAssistant,
)
from core.schema.common import DeletedObject, ListPage
from wiring.bootstrap import ApiContext

# Fields that null empties, while the object shows them as an empty value.
_EMPTY: dict[str, Any] = {"tools": [], "metadata": {}}


def create_assistant(
    context: ApiContext, tenant: str, request: CreateAssistant, once: Once
) -> Assistant:
    """Create an assistant.

    Raises:
        InvalidRequest: its tools contradict each other, it names an action or a file that is not
            there, or its memory strategy is wrong.
        Repeated: it was created by an earlier attempt.
    """
    check_memory(request.metadata)
    tools = request.tools or []
    check_tools(context, tenant, tools)
    check_files(context, tenant, files_of_resources(request.tool_resources))
    assistant = Assistant(
        id=context.ids.new("asst"),
        created_at=context.clock() // 1000,
        name=request.name,
        description=request.description,
        model=request.model,
        instructions=request.instructions,
        tools=tools,
        tool_resources=requested_resources(request.tool_resources),
        metadata=request.metadata or {},
        temperature=request.temperature,
        top_p=request.top_p,
        response_format=request.response_format,
    )
    record = AssistantRecord(wire=assistant, reasoning_effort=request.reasoning_effort)
    context.objects.create_assistant(tenant, record, once.receipt(assistant.model_dump_json()))
    return assistant


def get_assistant(context: ApiContext, tenant: str, assistant_id: str) -> Assistant:
    """Return an assistant, or raise NotFound."""
    return require_assistant(context, tenant, assistant_id).wire


def list_assistants(context: ApiContext, tenant: str, query: PageQuery) -> ListPage[Assistant]:
    """Return a page of the project's assistants."""
    return fitting(context.objects.list_assistants(tenant, query), query)


def modify_assistant(
    context: ApiContext, tenant: str, assistant_id: str, request: ModifyAssistant
) -> Assistant:
    """Change what the request names of an assistant; null empties a field.

    Raises:
        NotFound: there is no such assistant.
        InvalidRequest: as when one is created; nothing was changed.
    """
    well_formed("assistant", assistant_id)
    check_memory(request.metadata)
    named = {name: getattr(request, name) for name in request.model_fields_set}
    if named.get("model", "") is None:
        del named["model"]
    if request.tools is not None:
        check_tools(context, tenant, request.tools)
    if request.tool_resources is not None:
        given_resources(context, tenant, request.tool_resources)
    effort = {name: named.pop(name) for name in ("reasoning_effort",) if name in named}
    wire = {name: _EMPTY.get(name) if value is None else value for name, value in named.items()}

    def decide(record: AssistantRecord) -> AssistantRecord:
        return record.model_copy(update={"wire": record.wire.model_copy(update=wire), **effort})

    changed = context.objects.change_assistant(tenant, assistant_id, decide)
    return found("assistant", assistant_id, changed).wire


def delete_assistant(context: ApiContext, tenant: str, assistant_id: str) -> DeletedObject:
    """Delete an assistant, or raise NotFound."""
    well_formed("assistant", assistant_id)
    if not context.objects.delete_assistant(tenant, assistant_id):
        raise missing("assistant", assistant_id)
    return DeletedObject(id=assistant_id, object="assistant.deleted")
