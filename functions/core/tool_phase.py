"""Results come back: from the tool worker call by call, from the client all at once."""

from collections.abc import Sequence

from core.changes import Change
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
    """Return the change that stores one internal call's output.

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
    delta = output_delta(step, call_id, output)
    pending = sum(call.state is not CallState.DONE for call in done)
    if pending:
        after = run.model_copy(update={"pending_calls": pending})
        return Change(run, after, (delta,), calls=answered)
    step = with_known_outputs(step, done)
    settled = run.model_copy(update={"pending_calls": 0})
    if unanswered_functions(step):
        after = require_action(settled, step, now=now)
        return Change(
            run, after, (delta, *announcements(run, after)), steps=(step,), calls=answered
        )
    step = complete_step(step, now=now)
    after = move(settled, Trigger.TOOLS_DONE, now=now, open_step=None)
    return Change(run, after, (delta, step_event(step)), steps=(step,), calls=answered)


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
    return Change(run, after, (step_event(step), *announcements(run, after)), steps=(step,))
