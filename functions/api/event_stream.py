"""The events of a run as an answer that is sent while it is made.

Nothing reaches the client that is not in the log: the stream only reads, as whoever else follows
the run does, and so it can be taken up elsewhere. The log is read in the threadpool; between reads
the stream sleeps, and when its client goes, it is cancelled where it is.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.types import Send

from adapters.dynamodb.errors import StoreSilent
from api.errors import server_fault
from api.services.streaming import RunTail, StreamPlace
from core.errors import ApiError
from core.event_log import Event, EventId
from core.sse import DONE, KEEPALIVE, error_text, event_text
from core.stream_pace import StreamPace
from wiring.bootstrap import ApiContext
from wiring.telemetry import log_failure, logger

MEDIA_TYPE: Final = "text/event-stream"
# In the description of a route: what it answers besides its JSON.
STREAMED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
        "description": "The object; with `stream`, the run's events as server-sent events.",
    }
}
_HEADERS: Final = {
    "cache-control": "no-cache, no-transform",
    # nginx, and what is made after it, would keep events back until a buffer is full.
    "x-accel-buffering": "no",
}
# So long the table may be silent; the botocore client has tried several times by then.
_PATIENCE_SECONDS: Final = 10.0
_TIMEOUT: Final = "stream_timeout"
_INTERRUPTED: Final = "stream_interrupted"
Numbered = Sequence[tuple[EventId, Event]]


class EventStream(StreamingResponse):
    """A run's events, until it ends or waits for its client.

    Args:
        request: the request that is answered.
        context: the API's parts.
        tail: follows the run.
        first: what `tail` has given already.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self, request: Request, context: ApiContext, tail: RunTail, first: Numbered = ()
    ) -> None:
        self._pieces = _pieces(request.state.request_id, context, tail, first)
        super().__init__(self._pieces, headers=_HEADERS)

    async def stream_response(self, send: Send) -> None:
        """Send the stream; whatever happens to its client, it is closed."""
        async with aclosing(self._pieces):
            await super().stream_response(send)


def stream_from(request: Request, place: StreamPlace) -> EventStream:
    """Return the stream of a run that begins at a place, as the answer of a request."""
    context: ApiContext = request.app.state.context()
    tail = RunTail(context, request.state.caller.tenant, place)
    return EventStream(request, context, tail)


async def _pieces(
    request_id: str, context: ApiContext, tail: RunTail, first: Numbered
) -> AsyncGenerator[bytes, None]:
    """Yield the stream as it is sent, an error at its end included."""
    try:
        async with aclosing(_events(context, tail, first)) as pieces:
            async for piece in pieces:
                yield piece
    except ApiError as error:
        yield error_text(error)
    except Exception as error:
        log_failure("stream failed", error)
        yield error_text(server_fault(request_id))
    finally:
        logger.info("stream ended", extra={"looks": tail.looks, "over": tail.over})


async def _events(
    context: ApiContext, tail: RunTail, first: Numbered
) -> AsyncGenerator[bytes, None]:
    """Yield the events as they are logged.

    Raises:
        ApiError: the stream cannot go on.
    """
    seconds = context.settings.stream_seconds
    pace = StreamPace(time.monotonic, seconds)
    events = first or await _next(tail, pace)
    while True:
        if events:
            yield b"".join(event_text(event_id, event) for event_id, event in events)
            pace.sent()
        if tail.over:
            yield DONE
            return
        if pace.time_is_up:
            raise tail.broken_off(f"has lasted {seconds} seconds, which is its limit", _TIMEOUT)
        if pace.keepalive_is_due:
            yield KEEPALIVE
            pace.sent()
        if not tail.misses_something:
            await asyncio.sleep(pace.pause())
        events = await _next(tail, pace)


async def _next(tail: RunTail, pace: StreamPace) -> Numbered:
    """Look for further events, and now and then whether there can be any.

    Raises:
        ApiError: there can be none, or the table does not answer.
    """
    try:
        if pace.run_is_doubtful:
            events = await run_in_threadpool(tail.look_with_doubt)
            pace.asked()
        else:
            events = await run_in_threadpool(tail.look)
    except StoreSilent:
        if pace.unanswered_seconds > _PATIENCE_SECONDS:
            raise tail.broken_off("was interrupted", _INTERRUPTED) from None
        return ()
    pace.looked(tail.found)
    return events
