"""Tool calls: made as planned, acted on once, answered once."""

from collections.abc import Mapping

from core.records import CallRecord, CallState
from core.schema.steps import FunctionCall, ToolCall, ToolCallsDetails
from tests.chaos.case import Case
from tests.chaos.conversing import output_of
from tests.chaos.notes import note_of
from tests.chaos.verdict import Verdict


def check_calls(verdict: Verdict, case: Case, asked: Mapping[str, int]) -> None:
    """Look at a run's tool calls.

    Args:
        verdict: what is found.
        case: the run.
        asked: how often the service was asked, by idempotency key.
    """
    shown = {
        (step.id, call.id): call
        for step in case.stored.steps
        if step.status == "completed" and isinstance(step.step_details, ToolCallsDetails)
        for call in step.step_details.tool_calls
    }
    made = [(call.called.name, call.called.arguments) for call in shown.values()]
    planned = [(call.name, call.raw_arguments) for call in case.plan.calls]
    if case.stored.record.status != "completed":
        planned = planned[: len(made)]
    verdict.expect("calls", case.subject, made == planned, f"it called {made}, not {planned}")
    _check_internal(verdict, case, shown, asked)
    _check_functions(verdict, case, shown)


def check_asked(verdict: Verdict, asked: Mapping[str, int], keys: set[str]) -> None:
    """Look whether the service was asked for calls only, and for each once.

    Args:
        verdict: what is found.
        asked: how often it was asked, by idempotency key.
        keys: those of all calls that are stored.
    """
    for key, count in asked.items():
        subject = key or "a request without a key"
        verdict.expect("once", subject, count == 1, f"the service was asked {count} times")
        verdict.expect("once", subject, key in keys, "no such call is stored")


def call_keys(case: Case) -> set[str]:
    """Return the idempotency keys of a run's internal calls."""
    run_id = case.stored.record.id
    return {f"{run_id}-{call.step_id}-{call.index}" for call in case.stored.calls}


def _check_internal(
    verdict: Verdict,
    case: Case,
    shown: Mapping[tuple[str, str], ToolCall],
    asked: Mapping[str, int],
) -> None:
    run = case.stored.record
    stored = {(call.step_id, call.call_id) for call in case.stored.calls}
    lost = [key for key, call in shown.items() if call.type != "function" and key not in stored]
    verdict.expect("tools", case.subject, not lost, f"calls without a record: {lost}")
    for call in case.stored.calls:
        place = (call.step_id, call.call_id)
        done = call.state is CallState.DONE
        if run.status == "completed" or place in shown:
            output = shown[place].called.output if place in shown else None
            words = f"{call.call_id} is {call.state.value}, and its step shows {output!r:.80}"
            verdict.expect("tools", case.subject, done and output == call.output, words)
        if done:
            _check_output(verdict, case, call, asked)


def _check_output(verdict: Verdict, case: Case, call: CallRecord, asked: Mapping[str, int]) -> None:
    """Look whether an output is the service's own, or tells of a failure."""
    key = f"{case.stored.record.id}-{call.step_id}-{call.index}"
    own = call.output == note_of(key)
    words = f"{call.call_id} is done with {call.output!r:.80}"
    verdict.expect("tools", case.subject, own != call.failed, words)
    if own:
        words = f"{call.call_id} has an output, but the service was never asked"
        verdict.expect("once", case.subject, asked.get(key, 0) > 0, words)
    if "was not called" in (call.output or ""):
        words = f"{call.call_id} is denied, but the service was asked"
        verdict.expect("once", case.subject, asked.get(key, 0) == 0, words)


def _check_functions(
    verdict: Verdict, case: Case, shown: Mapping[tuple[str, str], ToolCall]
) -> None:
    submitted = case.report.submitted
    twice = {call_id for call_id in submitted if submitted.count(call_id) > 1}
    verdict.expect("functions", case.subject, not twice, f"submitted twice: {sorted(twice)}")
    answered = {call.id: call.function for call in shown.values() if isinstance(call, FunctionCall)}
    for call_id, called in answered.items():
        holds = called.output == output_of(called.arguments)
        words = f"{call_id} has the output {called.output!r:.80}"
        verdict.expect("functions", case.subject, holds, words)
    lost = set(submitted) - set(answered)
    verdict.expect("functions", case.subject, not lost, f"outputs without a call: {sorted(lost)}")
    if case.stored.record.status == "completed":
        unknown = set(answered) - set(submitted)
        words = f"nobody answered {sorted(unknown)}"
        verdict.expect("functions", case.subject, not unknown, words)
