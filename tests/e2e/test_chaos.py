"""A little chaos: some runs while their runners and tool workers are killed, and the audit of it.

`make chaos` does the same at length, on a stack of its own, with all functions and kinds of runs.
"""

from infra.local.info import StackInfo
from infra.local.stack import LocalStack
from tests.chaos.audit import audit
from tests.chaos.session import Options, run_session

OPTIONS = Options(
    seed=12,
    runs=12,
    at_once=8,
    mean_seconds=1.5,
    functions=("runner", "tool-worker"),
    kinds=("plain", "function", "action", "both", "refused"),
)


def test_runs_whose_workers_are_killed_end_as_planned(
    local_stack: LocalStack, stack: StackInfo
) -> None:
    session = run_session(stack, str(local_stack.directory), OPTIONS)
    verdict = audit(session.evidence)
    assert verdict.violations == []
    assert {kill.function for kill in session.kills} <= set(OPTIONS.functions)
    assert session.kills
