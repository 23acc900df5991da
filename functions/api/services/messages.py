"""Use cases of messages."""

from adapters.dynamodb.errors import ThreadBusy, ThreadMissing
from api.services.lookups import found, missing, require_thread, well_formed
from api.services.pages import fitting
from core.errors import InvalidRequest
from core.paging import PageQuery
from core.schema.common import ListPage
from core.schema.messages import CreateMessage, Message, message_from_request
from wiring.bootstrap import ApiContext


def create_message(
    context: ApiContext, tenant: str, thread_id: str, request: CreateMessage
) -> Message:
    """Add a message to a thread.

    Raises:
        NotFound: there is no such thread.
        InvalidRequest: a run is active on it.
    """
    message = message_from_request(
        request,
        message_id=context.ids.new("msg"),
        thread_id=well_formed("thread", thread_id),
        now=context.clock() // 1000,
    )
    try:
        context.objects.add_message(tenant, message)
    except ThreadMissing:
        raise missing("thread", thread_id) from None
    except ThreadBusy as busy:
        # Clients parse this sentence for the run that they have to wait for.
        raise InvalidRequest(
            f"Can't add messages to {thread_id} while a run {busy.run_id} is active."
        ) from None
    return message


def get_message(context: ApiContext, tenant: str, thread_id: str, message_id: str) -> Message:
    """Return a message, or raise NotFound for it or its thread."""
    well_formed("thread", thread_id)
    well_formed("message", message_id)
    message = context.objects.get_message(tenant, thread_id, message_id)
    if message is None:
        require_thread(context, tenant, thread_id)
    return found("message", message_id, message)


def list_messages(
    context: ApiContext, tenant: str, thread_id: str, query: PageQuery, run_id: str | None
) -> ListPage[Message]:
    """Return a page of a thread's messages, or of those that a run wrote."""
    require_thread(context, tenant, thread_id)
    if run_id is not None:
        well_formed("run", run_id, param="run_id")
    return fitting(context.objects.list_messages(tenant, thread_id, query, run_id), query)
