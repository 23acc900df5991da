"""Use cases of actions: the operations of an OpenAPI document, as tools."""

from typing import Any, Final

from adapters.dynamodb.idempotency import Once
from adapters.sealing import CannotOpen
from api.services.documents import requested_document
from api.services.lookups import found, missing, well_formed
from api.services.pages import fitting
from core.action_calls import ActionCall, ActionFailed
from core.errors import InvalidRequest
from core.openapi import Skipped
from core.paging import PageQuery, page_of
from core.schema.actions import (
    Action,
    ActionRecord,
    ActionRun,
    CreateActions,
    CreatedActions,
    ModifyAction,
    SkippedOperation,
    TryAction,
)
from core.schema.authentication import Authentication
from core.schema.common import DeletedObject, ListPage
from wiring.bootstrap import ApiContext

# The gateway waits for 29 seconds.
TRY_SECONDS: Final = 20.0
_MOST_SKIPPED_SHOWN: Final = 100
# Fields that null empties, while the object shows them as an empty value.
_EMPTY: Final[dict[str, Any]] = {"description": "", "metadata": {}}


def create_actions(
    context: ApiContext, tenant: str, request: CreateActions, once: Once
) -> CreatedActions:
    """Register the operations of a document, one action each, and return them in its order.

    Raises:
        InvalidRequest: the document has a mistake, or lacks an operation that was asked for.
        Repeated: they were registered by an earlier attempt.
    """
    document = requested_document(context, request)
    now = context.clock() // 1000
    # Once for all: they have it in common, and each encryption is a request.
    stored = context.action_secrets.stored(tenant, request.authentication).model_dump()
    records = [
        ActionRecord(
            wire=Action(
                id=context.ids.new("action"),
                created_at=now,
                name=operation.name,
                description=operation.description,
                method=operation.method,
                server_url=operation.server_url,
                path=operation.path,
                parameters=operation.json_schema(),
                metadata=request.metadata or {},
            ),
            operation=operation.to_json(),
            **stored,
        )
        for operation in document.operations
    ]
    actions = [record.wire for record in records]
    query = PageQuery(len(actions), "asc")
    page = fitting(page_of(actions, query, lambda action: action.id), query)
    skipped = [_skipped(one) for one in document.skipped[:_MOST_SKIPPED_SHOWN]]
    created = CreatedActions(**dict(page), skipped=skipped)
    context.objects.create_actions(tenant, records, once.receipt(created.model_dump_json()))
    return created


def get_action(context: ApiContext, tenant: str, action_id: str) -> Action:
    """Return an action, or raise NotFound."""
    return _require_action(context, tenant, action_id).wire


def list_actions(context: ApiContext, tenant: str, query: PageQuery) -> ListPage[Action]:
    """Return a page of the project's actions."""
    return fitting(context.objects.list_actions(tenant, query), query)


def modify_action(
    context: ApiContext, tenant: str, action_id: str, request: ModifyAction
) -> Action:
    """Change what the request names of an action.

    Raises:
        NotFound: there is no such action.
    """
    well_formed("action", action_id)
    named = {name: getattr(request, name) for name in request.model_fields_set}
    if named.get("name", "") is None:
        del named["name"]
    change: dict[str, Any] = {}
    if "authentication" in named:
        given: Authentication | None = named.pop("authentication")
        change = context.action_secrets.stored(tenant, given).model_dump()
        # As an object: `model_copy` takes values as they are.
        change["authentication"] = None if change["sealed"] else given
    wire = {name: _EMPTY[name] if value is None else value for name, value in named.items()}

    def decide(record: ActionRecord) -> ActionRecord:
        return record.model_copy(update={"wire": record.wire.model_copy(update=wire), **change})

    changed = context.objects.change_action(tenant, action_id, decide)
    return found("action", action_id, changed).wire


def delete_action(context: ApiContext, tenant: str, action_id: str) -> DeletedObject:
    """Delete an action, or raise NotFound."""
    well_formed("action", action_id)
    if not context.objects.delete_action(tenant, action_id):
        raise missing("action", action_id)
    return DeletedObject(id=action_id, object="action.deleted")


def run_action(context: ApiContext, tenant: str, action_id: str, request: TryAction) -> ActionRun:
    """Carry out an action once, as the tool worker would for a model.

    Raises:
        NotFound: there is no such action.
        InvalidRequest: its credentials cannot be read any more.
    """
    record = _require_action(context, tenant, action_id)
    call = ActionCall(
        tenant=tenant,
        operation=record.operation,
        arguments=request.parameters,
        timeout_seconds=TRY_SECONDS,
        idempotency_key=context.ids.new("try"),
        authentication=request.authentication or _authentication(context, tenant, record),
    )
    try:
        answer = context.outside.call_action(call)
    except ActionFailed as failure:
        return ActionRun(action_id=action_id, status=None, body=None, error=failure.message)
    return ActionRun(action_id=action_id, status=answer.status, body=answer.body, error=None)


def _require_action(context: ApiContext, tenant: str, action_id: str) -> ActionRecord:
    well_formed("action", action_id)
    return found("action", action_id, context.objects.get_action(tenant, action_id))


def _authentication(
    context: ApiContext, tenant: str, record: ActionRecord
) -> Authentication | None:
    try:
        return context.action_secrets.of(tenant, record)
    except CannotOpen:
        raise InvalidRequest(
            "The action's credentials were encrypted with a key that this deployment cannot use. "
            "Give it new ones: POST /v1/actions/{id} with 'authentication'.",
            param="action_id",
        ) from None


def _skipped(one: Skipped) -> SkippedOperation:
    return SkippedOperation(operation=one.endpoint, reason=one.mistake.message)
