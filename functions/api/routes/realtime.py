"""`/v1/realtime`: the way to the WebSocket."""

from api.dependencies import Caller, Context
from api.routes.routers import project_router
from api.services import tickets
from core.schema.realtime import CreateTicket, Ticket

router = project_router("Realtime")


@router.post("/v1/realtime/tickets")
def create_ticket(context: Context, caller: Caller, request: CreateTicket | None = None) -> Ticket:
    """Create a ticket, which opens one WebSocket connection within a minute."""
    return tickets.create_ticket(context, caller, request or CreateTicket())
