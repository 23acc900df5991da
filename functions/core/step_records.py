"""How a step's record changes: outputs come in, and it ends."""

from collections.abc import Iterable
from typing import Any

from core.event_log import Event
from core.records import CallRecord, CallState
from core.schema.runs import RunError
from core.schema.steps import FunctionCall, RunStep, StepError, ToolCallsDetails


def unanswered_functions(step: RunStep) -> list[FunctionCall]:
    """Return the function calls of a step that have no output yet."""
    details = step.step_details
    if not isinstance(details, ToolCallsDetails):
        return []
    return [
        call
        for call in details.tool_calls
        if isinstance(call, FunctionCall) and call.function.output is None
    ]


def with_outputs(step: RunStep, outputs: dict[str, str]) -> RunStep:
    """Return a tool-call step with the outputs filled in, by call id."""
    details = step.step_details
    if not outputs or not isinstance(details, ToolCallsDetails):
        return step
    calls = []
    for call in details.tool_calls:
        output = outputs.get(call.id)
        calls.append(call if output is None else call.with_output(output))
    return step.model_copy(update={"step_details": ToolCallsDetails(tool_calls=calls)})


def with_known_outputs(step: RunStep, calls: Iterable[CallRecord]) -> RunStep:
    """Return a tool-call step with the outputs that its internal calls have so far."""
    done = (call for call in calls if call.state is CallState.DONE)
    return with_outputs(step, {call.call_id: call.output or "" for call in done})


def output_delta(step: RunStep, call_id: str, output: str) -> Event:
    """Return the event that brings a call's output: only what is new, as clients concatenate."""
    details = step.step_details
    if not isinstance(details, ToolCallsDetails):
        raise ValueError(f"Step {step.id!r} calls no tools.")
    index, call = next(
        (index, call) for index, call in enumerate(details.tool_calls) if call.id == call_id
    )
    news: dict[str, Any] = {"index": index, "type": call.type, call.type: {"output": output}}
    return Event(
        "thread.run.step.delta",
        {
            "id": step.id,
            "object": "thread.run.step.delta",
            "delta": {"step_details": {"type": "tool_calls", "tool_calls": [news]}},
        },
    )


def complete_step(step: RunStep, *, now: int) -> RunStep:
    """Return a step completed."""
    return step.model_copy(update={"status": "completed", "completed_at": now})


def fail_step(step: RunStep, error: RunError, *, now: int) -> RunStep:
    """Return a step failed; a step knows fewer error codes than a run."""
    code = "rate_limit_exceeded" if error.code == "rate_limit_exceeded" else "server_error"
    return step.model_copy(
        update={
            "status": "failed",
            "failed_at": now,
            "last_error": StepError(code=code, message=error.message),
        }
    )


def step_event(step: RunStep) -> Event:
    """Return the event that shows a step in its status."""
    return Event(f"thread.run.step.{step.status}", step.model_dump(mode="json"))
