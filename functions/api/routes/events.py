"""`/v1/threads/{thread_id}/runs/{run_id}/events`."""

from typing import Annotated

from fastapi import Header, Query, Request

from api.dependencies import Context, Limit, Tenant
from api.event_stream import MEDIA_TYPE, STREAMED, EventStream
from api.routes.routers import project_router
from api.services import events
from api.services.events import RunEvent, parse_event_id
from api.services.streaming import take_up
from core.schema.common import ListPage

router = project_router("Events")
After = Annotated[str | None, Query(description="Only events that follow the one of this id.")]
Stream = Annotated[
    bool | None,
    Query(description="Whether to send events as they come; else, what `Accept` says counts."),
]
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        description="Of a stream that is taken up: the last event. It counts more than `after`.",
    ),
]


@router.get(
    "/v1/threads/{thread_id}/runs/{run_id}/events",
    response_model=ListPage[RunEvent],
    responses=STREAMED,
)
def list_events(
    context: Context,
    tenant: Tenant,
    thread_id: str,
    run_id: str,
    http_request: Request,
    after: After = None,
    limit: Limit = 20,
    stream: Stream = None,
    last_event_id: LastEventId = None,
) -> ListPage[RunEvent] | EventStream:
    """List the events of a run, oldest first: what its subscribers were sent.

    As a stream, it goes on as the run does, until that ends or waits for its client.
    """
    if not (_accepts_events(http_request) if stream is None else stream):
        return events.list_events(context, tenant, thread_id, run_id, after=after, limit=limit)
    # A browser that reconnects repeats the URL, and tells in the header how far it came since.
    place = parse_event_id(last_event_id, param="Last-Event-ID")
    place = place or parse_event_id(after, param="after")
    tail, first = take_up(context, tenant, thread_id, run_id, place)
    return EventStream(http_request, context, tail, first)


def _accepts_events(request: Request) -> bool:
    kinds = request.headers.get("accept", "").lower().split(",")
    return MEDIA_TYPE in (kind.partition(";")[0].strip() for kind in kinds)
