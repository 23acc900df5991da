"""Tickets for the WebSocket."""

from typing import Literal

from core.schema.common import RequestModel, WireModel


class CreateTicket(RequestModel):
    """The body of `POST /v1/realtime/tickets`.

    Attributes:
        thread_id: the one thread that the connection shall reach; without it, it reaches all that
            the key does.
    """

    thread_id: str | None = None


class Ticket(WireModel):
    """Opens one connection.

    Attributes:
        ticket: goes into the query string of `websocket_url`, as `ticket`.
        expires_at: in seconds; until then the connection must have been opened.
        websocket_url: where to connect to.
        thread_id: the one thread that the connection may reach; null for all.
    """

    object: Literal["realtime.ticket"] = "realtime.ticket"
    ticket: str
    expires_at: int
    websocket_url: str
    thread_id: str | None
