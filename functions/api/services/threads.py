"""Use cases of threads."""

from api.services.lookups import require_thread
from core.schema.messages import message_from_request
from core.schema.threads import CreateThread, Thread
from wiring.bootstrap import ApiContext


def create_thread(context: ApiContext, tenant: str, request: CreateThread) -> Thread:
    """Create a thread with its first messages."""
    now = context.clock() // 1000
    thread = Thread(id=context.ids.new("thread"), created_at=now, metadata=request.metadata or {})
    messages = [
        message_from_request(
            message, message_id=context.ids.new("msg"), thread_id=thread.id, now=now
        )
        for message in request.messages or []
    ]
    context.objects.create_thread(tenant, thread, messages)
    return thread


def get_thread(context: ApiContext, tenant: str, thread_id: str) -> Thread:
    """Return a thread, or raise NotFound."""
    return require_thread(context, tenant, thread_id)
