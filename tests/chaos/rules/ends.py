"""How runs ended: at all, as planned, with nothing left open, and with their tokens counted."""

from typing import Final

from core.records import RunPhase, RunRecord
from core.schema.messages import Message
from core.schema.runs import Usage
from core.schema.steps import RunStep
from runner.step import MAX_ATTEMPTS
from tests.chaos.case import Case
from tests.chaos.verdict import Verdict

# Not `cancel_requested`: who ends a run may not have seen that somebody asked to.
_LEFT_BY_NOBODY: Final = (
    "lease_owner",
    "open_step",
    "open_message",
    "pending_calls",
    "required_action",
    "held_messages",
)


def is_given_up(run: RunRecord) -> bool:
    """Tell whether a run failed because its step was interrupted too often: that is promised."""
    return run.status == "failed" and run.attempts >= MAX_ATTEMPTS


def check_end(verdict: Verdict, case: Case) -> bool:
    """Look at a run's end; tell whether it has ended."""
    run = case.stored.record
    words = f"it is {run.status} (phase {run.phase.value}, step {run.step_no}, epoch {run.epoch})"
    if not verdict.expect("ended", case.subject, run.ended, words):
        return False
    left = [name for name in _LEFT_BY_NOBODY if getattr(run, name)]
    clean = run.phase is RunPhase.ENDED and not left
    verdict.expect("ended", case.subject, clean, f"phase {run.phase.value}, still set: {left}")
    _check_status(verdict, case)
    _check_open(verdict, case)
    _check_usage(verdict, case)
    return True


def _check_status(verdict: Verdict, case: Case) -> None:
    run, ends = case.stored.record, case.plan.ends
    if case.report.cancel_accepted:
        ends &= {"cancelled"}
    reason = "" if run.last_error is None else f": {run.last_error.message}"
    verdict.expect(
        "end",
        case.subject,
        run.status in ends or is_given_up(run),
        f"it is {run.status}{reason}, but should be {' or '.join(sorted(ends))}",
    )


def _check_open(verdict: Verdict, case: Case) -> None:
    records: list[Message | RunStep] = [*case.stored.steps, *case.messages]
    for record in records:
        words = f"{record.id} is still in progress"
        verdict.expect("open", case.subject, record.status != "in_progress", words)


def _check_usage(verdict: Verdict, case: Case) -> None:
    run = case.stored.record
    spent = Usage()
    for step in case.stored.steps:
        spent += step.usage or Usage()
    # A turn that broke off before it had a step has used tokens nevertheless.
    holds = (
        spent == run.usage
        if run.status == "completed"
        else spent.total_tokens <= run.usage.total_tokens
    )
    words = f"its steps used {spent.total_tokens} tokens, it says {run.usage.total_tokens}"
    verdict.expect("usage", case.subject, holds, words)
