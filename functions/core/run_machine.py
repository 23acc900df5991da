"""The life cycle of a run: one table of statuses and triggers, and what each transition announces.

Everything that changes a run's status goes through `move`; nothing else writes `status`.

    queued ── CLAIM ─▶ in_progress ── FINISH/CUT_SHORT/FAIL ─▶ completed/incomplete/failed
                        │   ▲  ▲ └── TOOLS_STARTED/TOOLS_DONE ─┐
                        │   │  └──────────────────────────────-┘
                        │   └─ CLAIM ── queued ◀─ OUTPUTS_SUBMITTED ─┐
                        └── ACTION_REQUIRED ─▶ requires_action ──────┘
    any of these ── CANCEL ─▶ cancelling ── CANCELLED ─▶ cancelled;  ── EXPIRE ─▶ expired
"""

from enum import StrEnum
from typing import Any, Final

from core.event_log import Event
from core.records import RunPhase, RunRecord
from core.schema.runs import RunStatus


class Trigger(StrEnum):
    """What can happen to a run."""

    CLAIM = "claim"
    TOOLS_STARTED = "tools_started"
    TOOLS_DONE = "tools_done"
    ACTION_REQUIRED = "action_required"
    OUTPUTS_SUBMITTED = "outputs_submitted"
    CANCEL = "cancel"
    CANCELLED = "cancelled"
    FINISH = "finish"
    CUT_SHORT = "cut_short"
    FAIL = "fail"
    EXPIRE = "expire"


class IllegalTransition(Exception):
    """A trigger that the run's status does not allow."""

    def __init__(self, status: RunStatus, trigger: Trigger) -> None:
        super().__init__(f"A run that is {status!r} does not take {trigger.value!r}.")
        self.status = status
        self.trigger = trigger


TRANSITIONS: Final[dict[tuple[RunStatus, Trigger], RunStatus]] = {
    ("queued", Trigger.CLAIM): "in_progress",
    ("in_progress", Trigger.CLAIM): "in_progress",
    ("in_progress", Trigger.TOOLS_STARTED): "in_progress",
    ("in_progress", Trigger.TOOLS_DONE): "in_progress",
    ("in_progress", Trigger.ACTION_REQUIRED): "requires_action",
    ("requires_action", Trigger.OUTPUTS_SUBMITTED): "queued",
    ("queued", Trigger.CANCEL): "cancelling",
    ("in_progress", Trigger.CANCEL): "cancelling",
    ("requires_action", Trigger.CANCEL): "cancelling",
    ("cancelling", Trigger.CANCELLED): "cancelled",
    ("in_progress", Trigger.FINISH): "completed",
    ("in_progress", Trigger.CUT_SHORT): "incomplete",
    ("queued", Trigger.FAIL): "failed",
    ("in_progress", Trigger.FAIL): "failed",
    ("requires_action", Trigger.FAIL): "failed",
    ("queued", Trigger.EXPIRE): "expired",
    ("in_progress", Trigger.EXPIRE): "expired",
    ("requires_action", Trigger.EXPIRE): "expired",
}

_PHASES: Final[dict[Trigger, RunPhase]] = {
    Trigger.CLAIM: RunPhase.READY,
    Trigger.TOOLS_STARTED: RunPhase.TOOLS,
    Trigger.TOOLS_DONE: RunPhase.READY,
    Trigger.ACTION_REQUIRED: RunPhase.CLIENT,
    Trigger.OUTPUTS_SUBMITTED: RunPhase.READY,
    Trigger.CANCELLED: RunPhase.ENDED,
    Trigger.FINISH: RunPhase.ENDED,
    Trigger.CUT_SHORT: RunPhase.ENDED,
    Trigger.FAIL: RunPhase.ENDED,
    Trigger.EXPIRE: RunPhase.ENDED,
}

_STAMPS: Final[dict[RunStatus, str]] = {
    "completed": "completed_at",
    "incomplete": "completed_at",
    "failed": "failed_at",
    "cancelled": "cancelled_at",
}


def allows(status: RunStatus, trigger: Trigger) -> bool:
    """Tell whether a run of this status takes a trigger."""
    return (status, trigger) in TRANSITIONS


def move(run: RunRecord, trigger: Trigger, *, now: int, **fields: Any) -> RunRecord:
    """Return the run after a trigger.

    Args:
        run: the run as it was read.
        trigger: what happened.
        now: unix seconds.
        fields: further fields of the record that change with it (usage, last_error, …).

    Raises:
        IllegalTransition: the run's status does not allow it.
    """
    status = TRANSITIONS.get((run.status, trigger))
    if status is None:
        raise IllegalTransition(run.status, trigger)
    update: dict[str, Any] = {"status": status, "phase": _PHASES.get(trigger, run.phase)}
    if trigger is Trigger.CLAIM and run.started_at is None:
        update["started_at"] = now
    if trigger is not Trigger.ACTION_REQUIRED:
        update["required_action"] = None
    stamp = _STAMPS.get(status)
    if stamp:
        update[stamp] = now
    return run.model_copy(update=update | fields)


def announcements(before: RunRecord, after: RunRecord) -> list[Event]:
    """Return the event that a change of status emits: `thread.run.<status>` with the whole run.

    A change that leaves the status as it was (a takeover, the next step, the tool phase) emits
    nothing: clients see a run that goes on.
    """
    if after.status == before.status:
        return []
    return [run_event(after)]


def run_event(run: RunRecord) -> Event:
    """Return the event that shows a run in its status."""
    wire = run.to_wire()
    return Event(f"thread.run.{wire.status}", wire.model_dump(mode="json"))
