"""Use cases of messages."""

from adapters.dynamodb.errors import MessageOpen, ThreadBusy, ThreadMissing
from adapters.dynamodb.idempotency import Once
from api.services.file_references import check_files, files_of_message
from api.services.lookups import found, missing, require_thread, well_formed
from api.services.pages import fitting
from core.errors import InvalidRequest
from core.paging import PageQuery, page_of, slice_of
from core.schema.common import DeletedObject, ListPage, ModifyMetadata
from core.schema.messages import CreateMessage, Message, message_from_request
from core.schema.steps import MessageCreationDetails
from wiring.bootstrap import ApiContext


def create_message(
    context: ApiContext, tenant: str, thread_id: str, request: CreateMessage, once: Once
) -> Message:
    """Add a message to a thread.

    Raises:
        NotFound: there is no such thread.
        InvalidRequest: a run is active on it, or a file that it names is not there.
        Repeated: it was added by an earlier attempt.
    """
    well_formed("thread", thread_id)
    check_files(context, tenant, files_of_message(request))
    message = message_from_request(
        request,
        message_id=context.ids.new("msg"),
        thread_id=thread_id,
        now=context.clock() // 1000,
    )
    try:
        context.messages.add(tenant, message, once.receipt(message.model_dump_json()))
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
    message = context.messages.get(tenant, thread_id, message_id)
    return _present(context, tenant, thread_id, message_id, message)


def list_messages(
    context: ApiContext, tenant: str, thread_id: str, query: PageQuery, run_id: str | None
) -> ListPage[Message]:
    """Return a page of a thread's messages, or of those that a run wrote."""
    well_formed("thread", thread_id)
    if run_id is not None:
        well_formed("run", run_id, param="run_id")
        page = _written_by(context, tenant, thread_id, run_id, query)
    else:
        page = context.messages.list(tenant, thread_id, query)
    if not page.data:
        require_thread(context, tenant, thread_id)
    return fitting(page, query)


def modify_message(
    context: ApiContext, tenant: str, thread_id: str, message_id: str, request: ModifyMetadata
) -> Message:
    """Set a message's metadata, or raise NotFound for it or its thread."""
    if "metadata" not in request.model_fields_set:
        return get_message(context, tenant, thread_id, message_id)
    well_formed("thread", thread_id)
    well_formed("message", message_id)
    message = context.messages.set_metadata(tenant, thread_id, message_id, request.metadata or {})
    return _present(context, tenant, thread_id, message_id, message)


def delete_message(
    context: ApiContext, tenant: str, thread_id: str, message_id: str
) -> DeletedObject:
    """Delete a message.

    Raises:
        NotFound: there is no such message or thread.
        InvalidRequest: a run is still writing it.
    """
    well_formed("thread", thread_id)
    well_formed("message", message_id)
    try:
        deleted = context.messages.delete(tenant, thread_id, message_id)
    except MessageOpen:
        raise InvalidRequest(
            f"Can't delete message {message_id} while a run is writing it."
        ) from None
    if not deleted:
        require_thread(context, tenant, thread_id)
        raise missing("message", message_id)
    return DeletedObject(id=message_id, object="thread.message.deleted")


def _written_by(
    context: ApiContext, tenant: str, thread_id: str, run_id: str, query: PageQuery
) -> ListPage[Message]:
    """Return a page of what a run wrote: its steps know, so the thread is not searched."""
    ids = [
        step.step_details.message_creation.message_id
        for step in context.objects.all_steps(tenant, run_id)
        if isinstance(step.step_details, MessageCreationDetails)
    ]
    written = context.messages.get_many(tenant, thread_id, ids)
    wanted = slice_of(list(written), query)
    return page_of([written[found_id] for found_id in wanted], query, lambda found: found.id)


def _present(
    context: ApiContext, tenant: str, thread_id: str, message_id: str, message: Message | None
) -> Message:
    if message is None:
        require_thread(context, tenant, thread_id)
    return found("message", message_id, message)
