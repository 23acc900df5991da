"""Tickets for clients that cannot send a key with the handshake of a WebSocket: browsers."""

from api.services.lookups import require_thread
from core.access import Access
from core.errors import ServerFault
from core.keys import KeyRecord
from core.schema.realtime import CreateTicket, Ticket
from wiring.bootstrap import ApiContext


def create_ticket(context: ApiContext, caller: KeyRecord, request: CreateTicket) -> Ticket:
    """Return a new ticket.

    It is not stored as an answer: it is a secret. A repeated request gets another one.

    Raises:
        NotFound: there is no such thread.
        ServerFault: the deployment does not say where its WebSocket API is.
    """
    url = context.settings.websocket_url
    if not url:
        raise ServerFault("This deployment has no WebSocket API to connect to.")
    if request.thread_id is not None:
        require_thread(context, caller.tenant, request.thread_id)
    access = Access(caller.tenant, caller.id, request.thread_id)
    ticket, expires_at = context.tickets.issue(access)
    return Ticket(
        ticket=ticket, expires_at=expires_at, websocket_url=url, thread_id=request.thread_id
    )
