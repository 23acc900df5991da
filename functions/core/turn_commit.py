"""The commit of a model turn: from what was planned to the one change that is written."""

from dataclasses import replace
from typing import Literal, TypeVar

from core.changes import Change
from core.endings import EndTrigger, end_run
from core.event_log import Event
from core.late_message import with_late_message
from core.records import CallRecord, RunRecord
from core.run_machine import Trigger, announcements, move
from core.schema.messages import Message
from core.schema.runs import RunError, RunIncompleteDetails, Usage
from core.schema.steps import RunStep
from core.step_planner import CallTools, Fail, Finish, NextStep, Toolbox
from core.step_records import complete_step, output_delta, step_event, with_outputs
from core.tool_phase import require_action
from core.turn_assembler import Turn, TurnAssembler

R = TypeVar("R", bound=Message | RunStep)

# The watchdog settles a tool phase this long after its slowest call must have ended: the state
# machine's own catch comes first.
SETTLE_GRACE_SECONDS = 30


def commit_turn(
    run: RunRecord,
    assembler: TurnAssembler,
    turn: Turn,
    next_step: NextStep,
    toolbox: Toolbox,
    *,
    now: int,
    token_rate: int | None = None,
) -> Change:
    """Return the change that ends the step.

    Args:
        run: the run as claimed, with what is open now.
        assembler: holds the open message and step; they are closed as the plan says.
        turn: the finished turn.
        next_step: the planner's decision.
        toolbox: configuration of the internal tools.
        now: unix seconds.
        token_rate: what the turn has taught of the estimate of tokens, if it has.
    """
    counted = run.model_copy(
        update={
            "usage": run.usage + (turn.usage or Usage()),
            "step_no": run.step_no + 1,
            "attempts": 0,
            "token_rate": run.token_rate if token_rate is None else token_rate,
            "late_message": turn.late,
        }
    )
    if isinstance(next_step, CallTools):
        return _call_tools(run, counted, assembler, turn, next_step, toolbox, now=now)
    if isinstance(next_step, Fail):
        return abort_turn(run, assembler, Trigger.FAIL, error=next_step.error, now=now)
    if isinstance(next_step, Finish):
        return _close(run, assembler, move(counted, Trigger.FINISH, now=now), None, now=now)
    after = move(
        counted,
        Trigger.CUT_SHORT,
        now=now,
        incomplete_details=RunIncompleteDetails(
            reason="max_completion_tokens" if next_step.message_reason == "max_tokens" else None
        ),
    )
    return _close(run, assembler, after, next_step.message_reason, now=now)


def abort_turn(
    run: RunRecord,
    assembler: TurnAssembler,
    trigger: EndTrigger,
    *,
    now: int,
    error: RunError | None = None,
) -> Change:
    """Return the change that ends the run in the middle of a turn, or after one that failed.

    What the model has said so far stays in the incomplete message, and is paid for.
    """
    usage = run.usage + (assembler.usage or Usage())
    draft = assembler.take()
    # The run's last event shows its usage, so it is counted before the run is announced.
    counted = run.model_copy(update={"usage": usage})
    step = assembler.step
    if step is not None:
        step = step.model_copy(update={"usage": assembler.usage})
    change = end_run(counted, trigger, message=assembler.message, step=step, now=now, error=error)
    return replace(
        change,
        before=run,
        events=(*draft.events, *change.events),
        messages=_latest(draft.messages, change.messages),
        steps=_latest(draft.steps, change.steps),
    )


def cancel_instead(change: Change, *, now: int) -> Change:
    """Return the change that cancels the run although its turn had come to its end.

    Somebody asked for it before the turn was committed, and was told that it would be. The message
    stays as it was written; calls are not made.
    """
    said = change.events
    if change.after.status != change.before.status:
        said = said[:-1]  # the announcement of the status that the run does not take
    run = change.before.model_copy(
        update={"usage": change.after.usage, "step_no": change.after.step_no}
    )
    step = next((step for step in change.steps if step.status == "in_progress"), None)
    ending = end_run(run, Trigger.CANCELLED, message=None, step=step, now=now)
    return replace(
        ending,
        before=change.before,
        events=(*said, *ending.events),
        messages=change.messages,
        steps=_latest(change.steps, ending.steps),
    )


def _close(
    run: RunRecord,
    assembler: TurnAssembler,
    after: RunRecord,
    reason: Literal["max_tokens", "content_filter"] | None,
    *,
    now: int,
) -> Change:
    assembler.close_message(incomplete=reason, usage=assembler.usage)
    closed: tuple[RunStep, ...] = ()
    if assembler.step is not None:
        step = assembler.step.model_copy(update={"usage": assembler.usage})
        closed = (complete_step(step, now=now),)
    draft = assembler.take()
    change = Change(
        before=run,
        after=after.model_copy(update={"open_step": None, "open_message": None}),
        events=(*draft.events, *(step_event(ended) for ended in closed)),
        messages=draft.messages,
        steps=_latest(draft.steps, closed),
    )
    change = with_late_message(change, now=now, incomplete=reason)
    return replace(change, events=(*change.events, *announcements(run, change.after)))


def _call_tools(
    run: RunRecord,
    counted: RunRecord,
    assembler: TurnAssembler,
    turn: Turn,
    calls: CallTools,
    toolbox: Toolbox,
    *,
    now: int,
) -> Change:
    step = assembler.step
    if step is None:
        raise ValueError("A turn with calls has an open step.")
    outputs = {refused.call.id: refused.output for refused in calls.refused}
    step = with_outputs(step, outputs).model_copy(update={"usage": turn.usage})
    counted = counted.model_copy(update={"bad_calls": run.bad_calls + len(calls.refused)})
    draft = assembler.take()
    # A refusal is told like any output: clients put the step together from its deltas.
    refusals = [output_delta(step, refused.call.id, refused.output) for refused in calls.refused]
    records = _call_records(step, calls, toolbox)
    events: tuple[Event, ...] = ()
    if records:
        slowest = max(record.timeout_seconds for record in records)
        after = move(
            counted,
            Trigger.TOOLS_STARTED,
            now=now,
            pending_calls=len(records),
            tools_deadline_ms=(now + slowest + SETTLE_GRACE_SECONDS) * 1000,
        )
    elif calls.external:
        after = require_action(counted, step, now=now)
        events = tuple(announcements(run, after))
    else:
        step = complete_step(step, now=now)
        after = move(counted, Trigger.TOOLS_DONE, now=now)
        events = (step_event(step),)
    open_step = step.id if step.status == "in_progress" else None
    change = Change(
        before=run,
        after=after.model_copy(update={"open_step": open_step, "open_message": None}),
        events=(*draft.events, *refusals, *events),
        messages=draft.messages,
        steps=_latest(draft.steps, (step,)),
        calls=records,
    )
    return change if open_step else with_late_message(change, now=now)


def _call_records(step: RunStep, calls: CallTools, toolbox: Toolbox) -> tuple[CallRecord, ...]:
    return tuple(
        CallRecord(
            call_id=call.id,
            step_id=step.id,
            index=index,
            tool_type=tool.tool_type,
            tool_id=tool.tool_id,
            name=call.name,
            arguments=call.arguments or "{}",
            configuration=tool.configuration,
            timeout_seconds=tool.timeout_seconds,
        )
        for index, call in enumerate(calls.internal)
        for tool in (toolbox.internal[call.name],)
    )


def _latest(older: tuple[R, ...], newer: tuple[R, ...]) -> tuple[R, ...]:
    """Return the newest of each record: a transaction may write an item once."""
    newest: dict[str, R] = {record.id: record for record in (*older, *newer)}
    return tuple(newest.values())
