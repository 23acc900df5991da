"""Use cases of actions: the operations of an OpenAPI document, as tools."""

from collections.abc import Sequence

from adapters.dynamodb.idempotency import Once
from api.services.lookups import found, well_formed
from api.services.pages import fitting
from core.errors import InvalidRequest
from core.openapi import InvalidDocument, Operation, operations, parse_document
from core.paging import PageQuery, page_of
from core.schema.actions import Action, ActionRecord, CreateActions
from core.schema.common import ListPage
from wiring.bootstrap import ApiContext


def create_actions(
    context: ApiContext, tenant: str, request: CreateActions, once: Once
) -> ListPage[Action]:
    """Register the operations of a document, one action each, and return them in its order.

    Raises:
        InvalidRequest: the document has a mistake, or lacks an operation that was asked for.
        Repeated: they were registered by an earlier attempt.
    """
    try:
        document = parse_document(request.openapi_schema)
    except InvalidDocument as mistake:
        raise InvalidRequest(
            f"Invalid 'openapi_schema': {mistake.message}",
            param=".".join(filter(None, ("openapi_schema", mistake.param))),
            code="invalid_value",
        ) from None
    chosen = _chosen(operations(document), request.operations)
    now = context.clock() // 1000
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
            authentication=request.authentication,
        )
        for operation in chosen
    ]
    actions = [record.wire for record in records]
    query = PageQuery(len(actions), "asc")
    page = fitting(page_of(actions, query, lambda action: action.id), query)
    context.objects.create_actions(tenant, records, once.receipt(page.model_dump_json()))
    return page


def get_action(context: ApiContext, tenant: str, action_id: str) -> Action:
    """Return an action, or raise NotFound."""
    well_formed("action", action_id)
    return found("action", action_id, context.objects.get_action(tenant, action_id)).wire


def list_actions(context: ApiContext, tenant: str, query: PageQuery) -> ListPage[Action]:
    """Return a page of the project's actions."""
    return fitting(context.objects.list_actions(tenant, query), query)


def _chosen(available: Sequence[Operation], names: Sequence[str] | None) -> list[Operation]:
    if names is None:
        return list(available)
    known = {operation.name for operation in available}
    for index, name in enumerate(names):
        if name not in known:
            raise InvalidRequest(
                f"Invalid 'operations[{index}]': the document has no operation of this name.",
                param=f"operations[{index}]",
                code="invalid_value",
            )
    return [operation for operation in available if operation.name in set(names)]
