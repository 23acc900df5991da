"""Use cases of threads."""

import time
from typing import Final

from adapters.dynamodb.errors import ThreadMissing
from adapters.dynamodb.idempotency import Once
from api.services.file_references import check_files, files_of_messages, files_of_resources
from api.services.lookups import found, missing, require_thread, well_formed
from api.services.pages import fitting
from api.services.run_changes import after_commit
from api.services.tool_resources import given_resources, requested_resources
from core.dispatch import FIRST_CHECK_SECONDS
from core.jobs import DeleteThreadJob, ThreadTtlJob
from core.paging import PageQuery
from core.schema.common import DeletedObject, ListPage
from core.schema.messages import Message, message_from_request
from core.schema.threads import CreateThread, ModifyThread, Thread
from wiring.bootstrap import ClientContext

# How long a client may wait for its thread to be swept.
SWEEP_SECONDS: Final = 0.5


def create_thread(context: ClientContext, tenant: str, request: CreateThread, once: Once) -> Thread:
    """Create a thread with its first messages.

    Raises:
        InvalidRequest: it names what is not there, or is not served.
        Repeated: it was created by an earlier attempt.
    """
    thread, messages = new_thread(context, tenant, request)
    limit_life(context, tenant, thread)
    context.threads.create(tenant, thread, messages, once.receipt(thread.model_dump_json()))
    return thread


def new_thread(
    context: ClientContext, tenant: str, request: CreateThread, at: str = "", resources_at: str = ""
) -> tuple[Thread, list[Message]]:
    """Return the thread that a request asks for, and its first messages; nothing is stored.

    Args:
        context: the API's parts.
        tenant: whose thread it shall be.
        request: the thread as it was asked for.
        at: what stands before its fields in the client's request.
        resources_at: what stands there before `tool_resources`.

    Raises:
        InvalidRequest: it names what is not there, or is not served.
    """
    resources = requested_resources(request.tool_resources, resources_at)
    named = files_of_messages(request.messages, f"{at}messages")
    named += files_of_resources(request.tool_resources, resources_at)
    check_files(context, tenant, named)
    now = context.clock() // 1000
    thread = Thread(
        id=context.ids.new("thread"),
        created_at=now,
        tool_resources=resources,
        metadata=request.metadata or {},
        ttl_seconds=request.ttl_seconds,
    )
    messages = [
        message_from_request(
            message, message_id=context.ids.new("msg"), thread_id=thread.id, now=now
        )
        for message in request.messages or []
    ]
    return thread, messages


def limit_life(context: ClientContext, tenant: str, thread: Thread) -> None:
    """Have a new thread with a time to live looked at when that may be over.

    It comes before the thread is stored: whatever dies after that, the thread is deleted in time.
    """
    if thread.ttl_seconds is not None:
        job = ThreadTtlJob(tenant=tenant, thread_id=thread.id)
        context.queues.send_timer(job, thread.ttl_seconds)


def get_thread(context: ClientContext, tenant: str, thread_id: str) -> Thread:
    """Return a thread, or raise NotFound."""
    return require_thread(context, tenant, thread_id)


def list_threads(context: ClientContext, tenant: str, query: PageQuery) -> ListPage[Thread]:
    """Return a page of the project's threads."""
    return fitting(context.threads.list(tenant, query), query)


def modify_thread(
    context: ClientContext, tenant: str, thread_id: str, request: ModifyThread
) -> Thread:
    """Change what the request names of a thread; null empties a field.

    Raises:
        NotFound: there is no such thread.
        InvalidRequest: it names what is not there, or is not served; nothing was changed.
    """
    well_formed("thread", thread_id)
    if request.tool_resources is not None:
        given_resources(context, tenant, request.tool_resources)
    named = {name: getattr(request, name) for name in request.model_fields_set}
    if "metadata" in named:
        named["metadata"] = request.metadata or {}
    changed = context.threads.change(
        tenant, thread_id, lambda thread: thread.model_copy(update=named)
    )
    return found("thread", thread_id, changed)


def delete_thread(context: ClientContext, tenant: str, thread_id: str, once: Once) -> DeletedObject:
    """Take a thread out of sight at once, and have all that hangs on it deleted.

    A short thread on which no run is active is gone with the answer; a longer one is swept in the
    background, during which its messages can still be read by those who know their ids.

    The deletion is armed before the thread is marked: whatever dies after that, it is carried out.

    Raises:
        NotFound: there is no such thread.
        Repeated: an earlier attempt deleted it.
    """
    well_formed("thread", thread_id)
    answer = DeletedObject(id=thread_id, object="thread.deleted")
    job = DeleteThreadJob(tenant=tenant, thread_id=thread_id)
    context.queues.send_timer(job, FIRST_CHECK_SECONDS)
    try:
        context.deletions.mark_thread(tenant, thread_id, once.receipt(answer.model_dump_json()))
    except ThreadMissing:
        raise missing("thread", thread_id) from None
    after_commit("deletion not begun", lambda: _begin_deletion(context, job))
    return answer


def _begin_deletion(context: ClientContext, job: DeleteThreadJob) -> None:
    lock = context.threads.lock(job.tenant, job.thread_id)
    ends = time.monotonic() + SWEEP_SECONDS
    done = lock is None or (
        lock.active_run is None
        and context.deletions.sweep_thread(
            job.tenant, job.thread_id, lambda: time.monotonic() >= ends
        )
    )
    if not done:
        context.queues.send_timer(job, 0)
