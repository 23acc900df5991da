"""How a run ends before its time, and how a broken attempt is cleaned up in the open."""

from typing import Final, Literal

from core.changes import Change
from core.event_log import Event
from core.message_parts import MessageParts
from core.records import RunRecord
from core.run_machine import Trigger, announcements, move
from core.schema.messages import IncompleteReason as MessageReason
from core.schema.messages import Message, MessageIncompleteDetails
from core.schema.runs import RunError, RunIncompleteDetails
from core.schema.steps import RunStep
from core.step_records import fail_step, step_event

EndTrigger = Literal[Trigger.FAIL, Trigger.CANCELLED, Trigger.EXPIRE]

_REASONS: Final[dict[Trigger, MessageReason]] = {
    Trigger.FAIL: "run_failed",
    Trigger.CANCELLED: "run_cancelled",
    Trigger.EXPIRE: "run_expired",
}

INTERRUPTED: Final = RunError(
    code="server_error", message="The attempt was interrupted; the step is tried again."
)


def end_run(
    run: RunRecord,
    trigger: EndTrigger,
    *,
    message: Message | None,
    step: RunStep | None,
    now: int,
    error: RunError | None = None,
) -> Change:
    """Return the change that ends a run, with what is still open in it.

    Args:
        run: the run as read.
        trigger: how it ends. A run that is not yet cancelling is announced as such first.
        message: its open message with the content so far, if one is open.
        step: its open step, if one is open.
        now: unix seconds.
        error: why, for `Trigger.FAIL`.

    Raises:
        IllegalTransition: the run has ended already.
        ValueError: it fails, and `error` is missing.
    """
    events: list[Event] = []
    moved = run
    if trigger is Trigger.CANCELLED:
        moved = move(run, Trigger.CANCEL, now=now)
        events += announcements(run, moved)
    after = move(moved, trigger, now=now, last_error=error)
    messages = () if message is None else (_incomplete(message, _REASONS[trigger], now),)
    steps = () if step is None else (_ended_step(step, trigger, error, now),)
    events += [_message_event(closed) for closed in messages]
    events += [step_event(closed) for closed in steps]
    events += announcements(moved, after)
    after = after.model_copy(
        update={
            "open_step": None,
            "open_message": None,
            "pending_calls": 0,
            "cancel_requested": False,
            "held_messages": None,
            "late_message": None,
        }
    )
    return Change(run, after, tuple(events), messages, steps)


def end_unasked(run: RunRecord, *, now: int) -> Change:
    """Return the change that ends a run as incomplete because a limit leaves its step no tokens.

    Args:
        run: the run as claimed; its model was not asked, so nothing is open.
        now: unix seconds.
    """
    details = RunIncompleteDetails(
        reason="max_completion_tokens" if run.is_completion_spent else "max_prompt_tokens"
    )
    after = move(run, Trigger.CUT_SHORT, now=now, incomplete_details=details)
    return Change(run, after, tuple(announcements(run, after)))


def rest(run: RunRecord, *, until_ms: int) -> Change:
    """Return the change by which a worker lets go of a run for a while, with nothing open.

    Args:
        run: the run as claimed; nothing was said in its step.
        until_ms: when the step may be tried again, in milliseconds since the epoch.
    """
    return Change(run, run.model_copy(update={"not_before_ms": until_ms}))


def claim(
    run: RunRecord,
    *,
    owner: str,
    lease_until_ms: int,
    message: Message | None,
    step: RunStep | None,
    now: int,
) -> Change:
    """Return the change by which a worker takes the run's current step.

    What an interrupted attempt left open is closed first: its message becomes incomplete, its step
    failed, each with its event.

    Args:
        run: the run as read.
        owner: the invocation that takes it.
        lease_until_ms: when the lease ends unless renewed, in milliseconds since the epoch.
        message: the open message of an interrupted attempt, with the content that was logged.
        step: the open step of an interrupted attempt.
        now: unix seconds.

    Raises:
        IllegalTransition: the run may not be worked on in its status.
    """
    after = move(
        run,
        Trigger.CLAIM,
        now=now,
        lease_owner=owner,
        lease_until_ms=lease_until_ms,
        attempts=run.attempts + 1,
        watch=run.watch + 1,
        not_before_ms=0,
        open_step=None,
        open_message=None,
    )
    messages = () if message is None else (_incomplete(message, "run_failed", now),)
    steps = () if step is None else (fail_step(step, INTERRUPTED, now=now),)
    events = [_message_event(closed) for closed in messages]
    events += [step_event(closed) for closed in steps]
    events += announcements(run, after)
    return Change(run, after, tuple(events), messages, steps)


def with_logged_content(message: Message, events: list[Event]) -> Message:
    """Return an open message with the content that its logged deltas add up to."""
    parts = MessageParts()
    for event in events:
        if event.name == "thread.message.delta" and event.data["id"] == message.id:
            for part in event.data["delta"]["content"]:
                kind = part["type"]
                parts.add(kind, part["text"]["value"] if kind == "text" else part["refusal"])
    return message.model_copy(update={"content": parts.content()})


def _incomplete(message: Message, reason: MessageReason, now: int) -> Message:
    return message.model_copy(
        update={
            "status": "incomplete",
            "incomplete_at": now,
            "incomplete_details": MessageIncompleteDetails(reason=reason),
        }
    )


def _ended_step(step: RunStep, trigger: Trigger, error: RunError | None, now: int) -> RunStep:
    if trigger is Trigger.CANCELLED:
        return step.model_copy(update={"status": "cancelled", "cancelled_at": now})
    if trigger is Trigger.EXPIRE:
        return step.model_copy(update={"status": "expired", "expired_at": now})
    if error is None:
        raise ValueError("A run that fails says why.")
    return fail_step(step, error, now=now)


def _message_event(message: Message) -> Event:
    return Event(f"thread.message.{message.status}", message.model_dump(mode="json"))
