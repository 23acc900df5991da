"""What clients say over the WebSocket."""

from typing import Annotated, Literal

from pydantic import Field

from core.schema.common import RequestModel


class Subscribe(RequestModel):
    """Watch a run, or all runs of a thread, from an event on."""

    action: Literal["subscribe"]
    thread_id: str
    run_id: str | None = None
    after: str | None = None
    id: str | None = None


class Unsubscribe(RequestModel):
    """Watch it no longer."""

    action: Literal["unsubscribe"]
    thread_id: str
    run_id: str | None = None
    id: str | None = None


class Ping(RequestModel):
    """Keep the connection from idling."""

    action: Literal["ping"]
    id: str | None = None


Request = Annotated[Subscribe | Unsubscribe | Ping, Field(discriminator="action")]
