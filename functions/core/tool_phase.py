"""Results come back: from the tool worker call by call, from the client all at once."""

import json
from collections.abc import Sequence
from typing import Final

from core.changes import Change
from core.late_message import with_late_message
from core.records import CallRecord, CallState, RunRecord
from core.run_machine import Trigger, announcements, move
from core.schema.runs import (
    RequiredAction,
    RequiredFunction,
    RequiredToolCall,
    SubmitToolOutputsAction,
)
from core.schema.steps import RunStep
from core.step_records import (
    complete_step,
    output_delta,
    step_event,
    unanswered_functions,
    with_known_outputs,
    with_outputs,
)
from core.surrogates import whole_text

_UNTOUCHED: Final = "The tool was not called, so nothing was done. It is safe to call it again."


def require_action(run: RunRecord, step: RunStep, *, now: int) -> RunRecord:
    """Return the run waiting for the client's outputs of a step's unanswered functions."""
    waiting = [
        RequiredToolCall(
            id=call.id,
            function=RequiredFunction(name=call.function.name, arguments=call.function.arguments),
        )
        for call in unanswered_functions(step)
    ]
    action = RequiredAction(submit_tool_outputs=SubmitToolOutputsAction(tool_calls=waiting))
    return move(run, Trigger.ACTION_REQUIRED, now=now, required_action=action)


def settled_output(call: CallRecord, doubt: str) -> str:
    """Return what the model reads of a call whose output will not come: what is known of it.

    Args:
        call: the call as read. It must not have been claimed since, or this may be untrue: it is
            stored on condition of that.
        doubt: what is wrong, in words for the model, if a worker has claimed the call: then nobody
            knows what it did.
    """
    return json.dumps({"error": _UNTOUCHED if call.state is CallState.PENDING else doubt})


def record_output(
    run: RunRecord,
    step: RunStep,
    calls: Sequence[CallRecord],
    *,
    call_id: str,
    output: str,
    failed: bool,
    now: int,
) -> Change:
    """Return the change that stores one internal call's output, on condition of its state as read.

    The last output ends the tool phase: the run asks the client for its functions, if the step has
    any, or is ready for its next step.

    Args:
        run: the run as read, in its tool phase.
        step: the step that called.
        calls: all internal calls of the step, read after the run.
        call_id: the call that has its output.
        output: what the model will read; half a character in it is mended.
        failed: whether the output tells of a failure.
        now: unix seconds.
    """
    output = whole_text(output)
    done = [
        call.model_copy(update={"state": CallState.DONE, "output": output, "failed": failed})
        if call.call_id == call_id
        else call
        for call in calls
    ]
    answered = tuple(call for call in done if call.call_id == call_id)
    # Without a state as read it is put as a new one, which the store refuses: an output stays.
    states = {
        call.call_id: call.state
        for call in calls
        if call.call_id == call_id and call.state is not CallState.DONE
    }
    delta = output_delta(step, call_id, output)
    pending = sum(call.state is not CallState.DONE for call in done)
    if pending:
        after = run.model_copy(update={"pending_calls": pending})
        return Change(run, after, (delta,), calls=answered, call_states=states)
    step = with_known_outputs(step, done)
    settled = run.model_copy(update={"pending_calls": 0})
    if unanswered_functions(step):
        after = require_action(settled, step, now=now)
        news = announcements(run, after)
        return Change(run, after, (delta, *news), steps=(step,), calls=answered, call_states=states)
    step = complete_step(step, now=now)
    after = move(settled, Trigger.TOOLS_DONE, now=now, open_step=None)
    change = Change(
        run, after, (delta, step_event(step)), steps=(step,), calls=answered, call_states=states
    )
    return with_late_message(change, now=now)


def submit_outputs(run: RunRecord, step: RunStep, outputs: dict[str, str], *, now: int) -> Change:
    """Return the change by which the client's outputs put the run back into the queue.

    Args:
        run: the run as read; it requires action.
        step: the step that asked.
        outputs: by call id; exactly the calls that wait.
        now: unix seconds.

    Raises:
        IllegalTransition: the run does not wait for outputs.
    """
    step = complete_step(with_outputs(step, outputs), now=now)
    after = move(
        run,
        Trigger.OUTPUTS_SUBMITTED,
        now=now,
        open_step=None,
        watch=run.watch + 1,
        set_going_ms=now * 1000,
    )
    # First the run: no message comes to a run that requires action.
    change = Change(run, after, (step_event(step), *announcements(run, after)), steps=(step,))
    return with_late_message(change, now=now)
