"""The event log of a run, page by page: for catching up, and for events too large for a frame."""

from typing import Any

from api.services.lookups import require_run
from api.services.pages import fitting
from core.errors import InvalidRequest
from core.event_log import EventId
from core.paging import PageQuery
from core.schema.common import ListPage, WireModel
from wiring.bootstrap import ApiContext


class RunEvent(WireModel):
    """An event as it was pushed: OpenAI's name and payload, under the id that orders it."""

    id: str
    event: str
    data: dict[str, Any]


def list_events(
    context: ApiContext, tenant: str, thread_id: str, run_id: str, *, after: str | None, limit: int
) -> ListPage[RunEvent]:
    """Return the events of a run that follow an id, oldest first.

    Raises:
        NotFound: there is no such run.
        InvalidRequest: `after` is not an event's id.
    """
    cursor = parse_event_id(after, param="after")
    require_run(context, tenant, thread_id, run_id)
    numbered, has_more = context.event_log.page(tenant, run_id, cursor, limit)
    events = [
        RunEvent(id=str(event_id), event=event.name, data=event.data)
        for event_id, event in numbered
    ]
    page = ListPage[RunEvent](
        data=events,
        first_id=events[0].id if events else None,
        last_id=events[-1].id if events else None,
        has_more=has_more,
    )
    return fitting(page, PageQuery(limit, "asc", after))


def parse_event_id(text: str | None, *, param: str) -> EventId | None:
    """Return the id that a request names; None if it names none.

    Args:
        text: what stands there.
        param: where, as the client calls it.

    Raises:
        InvalidRequest: it is not an event's id.
    """
    if not text:
        return None
    try:
        return EventId.parse(text)
    except ValueError:
        raise InvalidRequest(
            f"Invalid '{param}': expected an event's id such as '3-7'.",
            param=param,
            code="invalid_value",
        ) from None
