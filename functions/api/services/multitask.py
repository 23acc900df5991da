"""What becomes of a new run whose thread another one holds: it is refused, waits, or interrupts.

Waiting costs nothing: the run is in the thread's line, and who ends the run before it sends for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from adapters.dynamodb.errors import LineFull, RunMoved, ThreadBusy
from adapters.dynamodb.transactions import Receipt
from api.services.run_changes import after_commit, end_cancelled, retry_if_moved, send_check
from core.changes import ThreadLine
from core.errors import InvalidRequest
from core.event_log import Batch, Event
from core.records import RunRecord
from core.schema.authentication import Authentication
from core.schema.messages import Message
from core.schema.runs import MultitaskStrategy
from core.thread_line import waiting_run
from wiring.bootstrap import ClientContext


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run that is to be created.

    Attributes:
        run: the run.
        events: its first events.
        messages: what its request adds to the thread.
        receipt: the record of the answer.
        authentications: for the run's actions, by their ids.
    """

    run: RunRecord
    events: Sequence[Event]
    messages: Sequence[Message]
    receipt: Receipt
    authentications: Mapping[str, Authentication] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Entered:
    """A run that was created: its first batch, and the line that it interrupts, if it does."""

    run: RunRecord
    batch: Batch
    interrupted: ThreadLine | None = None


def enter(
    context: ClientContext, new: NewRun, strategy: MultitaskStrategy
) -> tuple[RunRecord, Batch]:
    """Create a run: at once if its thread is free, else as the strategy says.

    Returns:
        The run as stored, and the batch that was logged.

    Raises:
        Repeated: it was created by an earlier attempt.
        ThreadMissing: there is no such thread.
        InvalidRequest: a run is active on the thread, or too many wait for it.
    """
    thread_id = new.run.thread_id
    try:
        entered = retry_if_moved(lambda: _enter(context, new, strategy))
    except ThreadBusy as busy:
        # Clients parse this sentence for the run that they have to wait for.
        raise InvalidRequest(
            f"Thread {thread_id} already has an active run {busy.run_id}."
        ) from None
    except LineFull as full:
        raise InvalidRequest(
            f"Thread {thread_id} already has {full.waiting} runs that wait for their turn. Wait "
            "until some of them have ended, or cancel some.",
            param="multitask_strategy",
        ) from None
    if entered.interrupted is not None:
        _clear(context, new.run, entered.interrupted)
    return entered.run, entered.batch


def _enter(context: ClientContext, new: NewRun, strategy: MultitaskStrategy) -> _Entered:
    try:
        created = context.runs.create(
            new.run,
            new.events,
            _placed_now(context, new.messages),
            receipt=new.receipt,
            authentications=new.authentications,
        )
        return _Entered(*created)
    except ThreadBusy as busy:
        if strategy == "reject":
            raise
        line = busy.line
    interrupts = strategy == "interrupt"
    if interrupts:
        _watch_active(context, new.run, line)
    run, batch = context.runs.enqueue(
        waiting_run(new.run, new.messages),
        new.events,
        line,
        interrupts=interrupts,
        receipt=new.receipt,
        authentications=new.authentications,
    )
    return _Entered(run, batch, line if interrupts else None)


def _placed_now(context: ClientContext, messages: Sequence[Message]) -> list[Message]:
    """Return messages with new ids, by which a thread is read.

    The run before this one may have gone on writing since the ids were made: what it said then
    would stand behind what is asked now.
    """
    return [message.model_copy(update={"id": context.ids.new("msg")}) for message in messages]


def _watch_active(context: ClientContext, new: RunRecord, line: ThreadLine) -> None:
    """Have the active run looked at: its worker, or this process, may die before it is ended."""
    active = context.runs.get(new.tenant, new.thread_id, line.active or "")
    if active is None or active.ended:
        raise RunMoved
    send_check(context, active, active.watch)


def _clear(context: ClientContext, new: RunRecord, line: ThreadLine) -> None:
    """End the runs of a line that are asked to cancel, save one that is being worked on.

    They are asked already: what is not done here is done by the worker, by the active run's check,
    or when a run's turn comes. Those that wait go first, so that no turn comes in between.
    """
    for run_id in (*line.waiting, line.active or ""):
        after_commit("interrupted run not ended", partial(_end, context, new, run_id))


def _end(context: ClientContext, new: RunRecord, run_id: str) -> None:
    def end_if_idle() -> None:
        run = context.runs.get(new.tenant, new.thread_id, run_id)
        if run is not None and not run.ended and not run.is_leased(context.clock()):
            end_cancelled(context, run)

    retry_if_moved(end_if_idle)
