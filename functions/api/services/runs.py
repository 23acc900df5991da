"""Use cases of runs: create, look, cancel."""

from adapters.dynamodb.errors import ThreadBusy, ThreadMissing
from api.services.authentications import run_authentications
from api.services.lookups import missing, require_assistant, require_run, require_thread
from api.services.pages import fitting
from api.services.run_changes import after_commit, retry_if_moved
from api.services.run_config import run_config
from api.services.tools import check_tool_choice, check_tools
from core.dispatch import FIRST_CHECK_SECONDS, step_job
from core.endings import end_run
from core.errors import InvalidRequest
from core.event_log import Event
from core.jobs import CheckJob
from core.paging import PageQuery
from core.records import RunRecord
from core.run_machine import Trigger, run_event
from core.schema.common import ListPage
from core.schema.messages import message_from_request
from core.schema.runs import CreateRun, Run
from wiring.bootstrap import ApiContext

# OpenAI's examples give a run ten minutes.
RUN_SECONDS = 600
# A run is created in one transaction of up to 100 writes, three of which are the run's own.
MAX_ADDITIONAL_MESSAGES = 97


def create_run(context: ApiContext, tenant: str, thread_id: str, request: CreateRun) -> Run:
    """Create a run and have its first step carried out.

    The delayed check is armed before the transaction: whatever dies after it, the run moves on.

    Raises:
        NotFound: there is no such thread or assistant.
        InvalidRequest: a run is active on the thread, or the request contradicts itself.
    """
    refuse_stream(context, request.stream)
    _refuse_many(len(request.additional_messages or []))
    require_thread(context, tenant, thread_id)
    run = _new_run(context, tenant, thread_id, request)
    authentications = run_authentications(request, run.config.tools)
    messages = [
        message_from_request(
            message,
            message_id=context.ids.new("msg"),
            thread_id=thread_id,
            now=run.created_at,
        )
        for message in request.additional_messages or []
    ]
    send_check(context, run, run.watch)
    queued = run_event(run)
    created = Event("thread.run.created", queued.data)
    try:
        run, batch = context.runs.create(run, (created, queued), messages, authentications)
    except ThreadMissing:
        raise missing("thread", thread_id) from None
    except ThreadBusy as busy:
        # Clients parse this sentence for the run that they have to wait for.
        raise InvalidRequest(
            f"Thread {thread_id} already has an active run {busy.run_id}."
        ) from None
    after_commit("first events not pushed", lambda: context.writer.publish(run, batch))
    after_commit("step not enqueued", lambda: context.queues.send_step(step_job(run)))
    return run.to_wire()


def get_run(context: ApiContext, tenant: str, thread_id: str, run_id: str) -> Run:
    """Return a run, or raise NotFound."""
    return require_run(context, tenant, thread_id, run_id).to_wire()


def list_runs(context: ApiContext, tenant: str, thread_id: str, query: PageQuery) -> ListPage[Run]:
    """Return a page of a thread's runs."""
    require_thread(context, tenant, thread_id)
    return fitting(context.runs.list(tenant, thread_id, query), query)


def cancel_run(context: ApiContext, tenant: str, thread_id: str, run_id: str) -> Run:
    """Cancel a run: at once if nobody works on it, else by telling the worker.

    Cancelling a run that is being cancelled changes nothing and is no error: clients repeat
    requests whose answers they lost.

    Raises:
        NotFound: there is no such run.
        InvalidRequest: it has ended.
    """
    return retry_if_moved(
        lambda: _cancel(context, require_run(context, tenant, thread_id, run_id))
    ).to_wire()


def send_check(context: ApiContext, run: RunRecord, watch: int) -> None:
    """Have a run looked at when a change of it must be through.

    Args:
        context: the API's parts.
        run: the run.
        watch: the number that the run will then have.
    """
    job = CheckJob(tenant=run.tenant, thread_id=run.thread_id, run_id=run.id, watch=watch)
    context.queues.send_check(job, FIRST_CHECK_SECONDS)


def refuse_stream(context: ApiContext, stream: bool | None) -> None:
    """Refuse to stream the answer of a request.

    Raises:
        InvalidRequest: it asks for that.
    """
    if stream:
        url = context.settings.websocket_url
        place = f"the WebSocket API at {url}" if url else "the WebSocket API"
        raise InvalidRequest(
            "Server-sent events are not served by this endpoint yet: send the request without "
            f"'stream', and get the same events from {place}.",
            param="stream",
            code="unsupported_value",
        )


def _refuse_many(messages: int) -> None:
    if messages > MAX_ADDITIONAL_MESSAGES:
        raise InvalidRequest(
            "Invalid 'additional_messages': array too long. Expected an array with maximum length "
            f"{MAX_ADDITIONAL_MESSAGES}, but got an array with length {messages} instead.",
            param="additional_messages",
            code="array_above_max_length",
        )


def _new_run(context: ApiContext, tenant: str, thread_id: str, request: CreateRun) -> RunRecord:
    assistant = require_assistant(context, tenant, request.assistant_id)
    config = run_config(assistant, request)
    names = check_tools(context, tenant, config.tools)
    check_tool_choice(config.tool_choice, names, config.tools)
    now = context.clock() // 1000
    return RunRecord(
        id=context.ids.new("run"),
        tenant=tenant,
        thread_id=thread_id,
        config=config,
        created_at=now,
        expires_at=now + RUN_SECONDS,
    )


def _cancel(context: ApiContext, run: RunRecord) -> RunRecord:
    if run.ended:
        raise InvalidRequest(f"Cannot cancel run with status '{run.status}'.")
    now_ms = context.clock()
    if run.is_leased(now_ms):
        if run.cancel_requested:
            return run
        # The worker may die before it sees the flag.
        send_check(context, run, run.watch)
        return context.leases.request_cancel(run)
    left = context.runs.open_records(run)
    change = end_run(
        run, Trigger.CANCELLED, message=left.message, step=left.step, now=now_ms // 1000
    )
    return context.writer.apply(left.close(change))
