"""What clients say over the WebSocket: docs/asyncapi.yaml says the same for other programs."""

from typing import Annotated, Any, Literal

from pydantic import Field

from core.idempotency import MAX_KEY_LENGTH
from core.schema.common import RequestModel

# Counts up when clients would have to change; docs/websocket.md says what may change without.
PROTOCOL_VERSION = 1
# A request's id comes back with its answer, which has to fit into a frame.
RequestId = Annotated[str, Field(max_length=256)]
IdempotencyKey = Annotated[str, Field(min_length=1, max_length=MAX_KEY_LENGTH)]


class SocketRequest(RequestModel):
    """What all requests have.

    Attributes:
        id: names the request in its answer.
    """

    id: RequestId | None = None


class Ping(SocketRequest):
    """Keep the connection from idling."""

    action: Literal["ping"]


class Subscribe(SocketRequest):
    """Watch a run, or all runs of a thread, from an event on."""

    action: Literal["subscribe"]
    thread_id: str
    run_id: str | None = None
    after: str | None = None


class Unsubscribe(SocketRequest):
    """Watch it no longer."""

    action: Literal["unsubscribe"]
    thread_id: str
    run_id: str | None = None


class RunCreate(SocketRequest):
    """Create a run, and watch it.

    Attributes:
        thread_id: the run's thread; without it, one is created with the run.
        run: the body of the HTTP request that does the same.
        idempotency_key: the same for every attempt at the same request, and for no other.
    """

    action: Literal["run.create"]
    thread_id: str | None = None
    run: dict[str, Any] = Field(repr=False)
    idempotency_key: IdempotencyKey | None = None


class RunCancel(SocketRequest):
    """Cancel a run."""

    action: Literal["run.cancel"]
    thread_id: str
    run_id: str
    idempotency_key: IdempotencyKey | None = None


class RunSubmitToolOutputs(SocketRequest):
    """Answer the function calls that a run waits for.

    Attributes:
        tool_outputs: as in the HTTP request that does the same.
    """

    action: Literal["run.submit_tool_outputs"]
    thread_id: str
    run_id: str
    tool_outputs: Any = Field(repr=False)
    idempotency_key: IdempotencyKey | None = None


RunMessage = RunCreate | RunCancel | RunSubmitToolOutputs
Request = Ping | Subscribe | Unsubscribe | RunMessage
REQUESTS: dict[str, type[Request]] = {
    "ping": Ping,
    "subscribe": Subscribe,
    "unsubscribe": Unsubscribe,
    "run.create": RunCreate,
    "run.cancel": RunCancel,
    "run.submit_tool_outputs": RunSubmitToolOutputs,
}
