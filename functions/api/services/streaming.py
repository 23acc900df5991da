"""A run's events as a stream: where one begins, what comes next, and how it ends."""

from typing import Final, Literal

from adapters.dynamodb.faults import silence
from api.services.lookups import missing, require_run
from core.errors import InvalidRequest, ServerFault
from core.event_log import Event, EventId
from core.event_tail import EventTail
from core.records import RunPhase, RunRecord
from core.schema.common import WireModel
from core.schema.runs import Run
from wiring.bootstrap import ApiContext

# A read that missed something saw a later write than the one it missed: the next read sees both.
_MOST_HOLES: Final = 3
_RESTING: Final = (RunPhase.ENDED, RunPhase.CLIENT)


class StreamPlace(WireModel):
    """Where a stream of a run begins; what is kept of the answer, for a request that comes again.

    Attributes:
        after: the id of the event that it follows; None for the start of the log.
    """

    object: Literal["thread.run.stream"] = "thread.run.stream"
    thread_id: str
    run_id: str
    after: EventId | None

    @classmethod
    def behind(cls, run: RunRecord | Run, after: EventId | None) -> "StreamPlace":
        """Return the place behind an event of a run."""
        return cls(thread_id=run.thread_id, run_id=run.id, after=after)


class RunTail:
    """Follows a run's log.

    Args:
        context: the API's parts.
        tenant: the caller's project.
        place: the run, and where to begin.

    Attributes:
        found: how many batches the last look found.
        looks: how many there were.
    """

    def __init__(self, context: ApiContext, tenant: str, place: StreamPlace) -> None:
        self._context = context
        self._tenant = tenant
        self._place = place
        self._tail = EventTail(place.after)
        self.found = 0
        self.looks = 0

    @property
    def last(self) -> EventId | None:
        """The last event that came out."""
        return self._tail.last

    @property
    def over(self) -> bool:
        """Whether nothing comes out any more: the run has ended, or waits for its client."""
        return self._tail.over

    @property
    def misses_something(self) -> bool:
        """Whether the last look is to be repeated at once."""
        return self._tail.holes > 0

    def look(self) -> list[tuple[EventId, Event]]:
        """Return the events that are new.

        Raises:
            InvalidRequest: the log no longer has what comes next.
            StoreSilent: the table did not answer.
        """
        self.looks += 1
        with silence():
            stored = self._context.event_log.beyond(
                self._tenant, self._place.run_id, self._tail.last
            )
        self.found = len(stored)
        events = self._tail.take(stored)
        if self._tail.holes > _MOST_HOLES:
            raise self._expired()
        return events

    def look_with_doubt(self) -> list[tuple[EventId, Event]]:
        """Return the events that are new, and make sure that further ones can come.

        Raises:
            NotFound: there is no such run, or no longer.
            InvalidRequest: the log no longer has what comes next.
            StoreSilent: the table did not answer.
        """
        place = self._place
        with silence():
            run = self._context.runs.get(self._tenant, place.thread_id, place.run_id)
        if run is None:
            raise missing("run", place.run_id)
        events = self.look()
        quiet = not (events or self.over or self.misses_something)
        if quiet and run.phase in _RESTING:
            # What ends a run or has it wait is written with its event, so that was there to read.
            if run.tail is not None and (self.last is None or self.last < run.tail):
                raise self._expired()
            self._tail.over = True
        return events

    def broken_off(self, how: str, code: str) -> ServerFault:
        """Return the error that ends a stream before its run does: it says how to go on.

        Args:
            how: what became of the stream, to follow "The stream".
            code: the same for programs.
        """
        place = self._place
        behind = "" if self.last is None else f" and 'Last-Event-ID: {self.last}'"
        return ServerFault(
            f"The stream {how}; the run goes on. Take it up with "
            f"GET /v1/threads/{place.thread_id}/runs/{place.run_id}/events, with the headers "
            f"'Accept: text/event-stream'{behind}.",
            code=code,
        )

    def _expired(self) -> InvalidRequest:
        return InvalidRequest(
            f"The events of run {self._place.run_id} that follow {self.last or 'its start'} are no "
            "longer in the log. Retrieve the run, its steps and its messages instead.",
            param="after",
            code="events_expired",
        )


def refuse_stream(context: ApiContext, stream: bool | None) -> None:
    """Refuse to stream an answer from a process whose answers leave in one piece.

    Raises:
        InvalidRequest: a stream is asked for.
    """
    if not stream or context.settings.streaming:
        return
    url = context.settings.websocket_url
    place = f"the WebSocket API at {url}" if url else "the WebSocket API"
    raise InvalidRequest(
        "This endpoint answers in one piece and cannot stream. Stream from the API's own base URL, "
        "at the paths that begin with /v1, or send the request without 'stream' and get the same "
        f"events from {place}.",
        param="stream",
        code="unsupported_value",
    )


def take_up(
    context: ApiContext, tenant: str, thread_id: str, run_id: str, after: EventId | None
) -> tuple[RunTail, list[tuple[EventId, Event]]]:
    """Return the tail of a run behind an event, and what it has already.

    Raises:
        NotFound: there is no such run.
        InvalidRequest: answers cannot be streamed here, or what comes next is no longer in the log.
    """
    refuse_stream(context, True)
    run = require_run(context, tenant, thread_id, run_id)
    tail = RunTail(context, tenant, StreamPlace.behind(run, after))
    events = tail.look_with_doubt()
    while tail.misses_something:
        events = tail.look()
    return tail, events
