"""Use cases of new runs: on a thread that is there, or with a thread of their own."""

from collections.abc import Sequence

from adapters.dynamodb.errors import ThreadMissing
from adapters.dynamodb.idempotency import Once
from adapters.dynamodb.transactions import MAX_ITEMS
from api.services.authentications import run_authentications
from api.services.file_references import check_files, files_of_messages
from api.services.lookups import missing, require_assistant, well_formed
from api.services.multitask import NewRun, enter
from api.services.run_changes import after_commit, arm
from api.services.run_config import run_config
from api.services.streaming import StreamPlace
from api.services.threads import limit_life, new_thread
from api.services.tools import check_tool_choice, check_tools
from core.dispatch import step_job
from core.errors import InvalidRequest
from core.event_log import Batch, Event
from core.records import RunPhase, RunRecord
from core.run_machine import run_event
from core.schema.messages import Message, message_from_request
from core.schema.runs import CreateRun, CreateThreadAndRun, Run
from core.schema.threads import CreateThread
from wiring.bootstrap import ClientContext

# OpenAI's examples give a run ten minutes.
RUN_SECONDS = 600
# A run is created in one transaction: the thread's lock, the run, its first events, the answer.
_RUN_ITEMS = 4
MAX_ADDITIONAL_MESSAGES = MAX_ITEMS - _RUN_ITEMS


def create_run(
    context: ClientContext, tenant: str, thread_id: str, request: CreateRun, once: Once
) -> Run:
    """Create a run and have its first step carried out, when its turn has come.

    The delayed check is armed before the transaction: whatever dies after it, the run moves on.

    Raises:
        NotFound: there is no such thread or assistant.
        InvalidRequest: a run is active on the thread and the new one shall not wait, too many wait,
            or the request contradicts itself.
        Repeated: it was created by an earlier attempt.
    """
    well_formed("thread", thread_id)
    _refuse_many(len(request.additional_messages or []))
    check_files(
        context, tenant, files_of_messages(request.additional_messages, "additional_messages")
    )
    run = _new_run(context, tenant, thread_id, request)
    authentications = run_authentications(request, run.config.tools)
    messages = _additional_messages(context, run, request)
    arm(context, run)
    receipt = once.receipt(_first_answer(run, request))
    new = NewRun(run, first_events(run), messages, receipt, authentications)
    try:
        run, batch = enter(context, new, request.multitask_strategy or "reject")
    except ThreadMissing:
        raise missing("thread", thread_id) from None
    return set_going(context, run, batch)


def create_thread_and_run(
    context: ClientContext, tenant: str, request: CreateThreadAndRun, once: Once
) -> Run:
    """Create a thread and a run on it, together or not at all.

    Raises:
        NotFound: there is no such assistant.
        InvalidRequest: the request contradicts itself.
        Repeated: both were created by an earlier attempt.
    """
    asked, resources_at = request.thread or CreateThread(), "thread."
    if asked.tool_resources is None:
        asked = asked.model_copy(update={"tool_resources": request.tool_resources})
        resources_at = ""
    thread, messages = new_thread(context, tenant, asked, "thread.", resources_at)
    run = _new_run(context, tenant, thread.id, request)
    authentications = run_authentications(request, run.config.tools)
    arm(context, run)
    limit_life(context, tenant, thread)
    created = Event("thread.created", thread.model_dump(mode="json"))
    run, batch = context.runs.create(
        run,
        (created, *first_events(run)),
        (),
        receipt=once.receipt(_first_answer(run, request)),
        thread=context.threads.creation(tenant, thread, messages, room=MAX_ITEMS - _RUN_ITEMS),
        thread_ttl_seconds=thread.ttl_seconds,
        authentications=authentications,
    )
    return set_going(context, run, batch)


def first_events(run: RunRecord) -> tuple[Event, Event]:
    """Return what a new run announces: that it was created, and that it is queued."""
    queued = run_event(run)
    return Event("thread.run.created", queued.data), queued


def set_going(context: ClientContext, run: RunRecord, batch: Batch) -> Run:
    """Push a new run's first events and send for its first step; return it as clients see it.

    A run that waits is sent for by who ends the run before it.
    """
    after_commit("first events not pushed", lambda: context.writer.publish(run, batch))
    if run.phase is RunPhase.READY:
        after_commit("step not enqueued", lambda: context.queues.send_step(step_job(run)))
    return run.to_wire()


def _first_answer(run: RunRecord, request: CreateRun | CreateThreadAndRun) -> str:
    """Return what is kept of the answer, for the request that comes again."""
    answer = StreamPlace.behind(run, None) if request.stream else run.to_wire()
    return answer.model_dump_json()


def _refuse_many(messages: int) -> None:
    if messages > MAX_ADDITIONAL_MESSAGES:
        raise InvalidRequest(
            "Invalid 'additional_messages': array too long. Expected an array with maximum length "
            f"{MAX_ADDITIONAL_MESSAGES}, but got an array with length {messages} instead.",
            param="additional_messages",
            code="array_above_max_length",
        )


def _additional_messages(
    context: ClientContext, run: RunRecord, request: CreateRun
) -> Sequence[Message]:
    return [
        message_from_request(
            message,
            message_id=context.ids.new("msg"),
            thread_id=run.thread_id,
            now=run.created_at,
        )
        for message in request.additional_messages or []
    ]


def _new_run(
    context: ClientContext, tenant: str, thread_id: str, request: CreateRun | CreateThreadAndRun
) -> RunRecord:
    assistant = require_assistant(context, tenant, request.assistant_id)
    config = run_config(assistant, request)
    names = check_tools(context, tenant, config.tools)
    check_tool_choice(config.tool_choice, names, config.tools)
    now_ms = context.clock()
    now = now_ms // 1000
    return RunRecord(
        id=context.ids.new("run"),
        tenant=tenant,
        thread_id=thread_id,
        config=config,
        created_at=now,
        set_going_ms=now_ms,
        expires_at=now + (request.expires_after_seconds or RUN_SECONDS),
        ttl_seconds=request.ttl_seconds,
    )
