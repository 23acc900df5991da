"""The sweep can fail: each of these defects is one that it exists to find."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from adapters.dynamodb import runs
from adapters.dynamodb.thread_line import ThreadLines
from adapters.dynamodb.tool_calls import ToolCalls
from api.services import run_changes, run_creation
from core.jobs import CheckJob
from runner import step, timers
from tests.integration.faults.play import Scenario
from tests.integration.faults.scenarios import ACTIONS, ANSWER, REFUSED, STRANDED
from tests.integration.faults.sweep import Kind, sweep
from tests.support.stage import Stage
from wiring.bootstrap import SupervisorContext

Plant = Callable[[pytest.MonkeyPatch], None]
# What `lease_owner = :owner AND epoch = :epoch` would be, if it did not matter.
_ANYBODY: Final = (
    "(lease_owner = :owner OR attribute_exists(pk)) AND (epoch = :epoch OR attribute_exists(pk))"
)


def commit_without_the_lease(patch: pytest.MonkeyPatch) -> None:
    """A worker commits although another has the run."""
    patch.setattr(runs, "HELD", _ANYBODY)


def claim_what_has_moved(patch: pytest.MonkeyPatch) -> None:
    """A worker claims, or ends, a run that is no longer as it was read."""
    patch.setattr(runs, "as_read", lambda run: ("attribute_exists(pk)", {}))


def skip_the_dispatch(patch: pytest.MonkeyPatch) -> None:
    """After a commit nothing is sent."""
    patch.setattr(step, "dispatch", lambda context, run: None)


def arm_the_check_too_late(patch: pytest.MonkeyPatch) -> None:
    """A new run's check is armed when the run is stored."""
    set_going = run_creation.set_going

    def arm_and_set_going(context: Any, run: Any, batch: Any) -> Any:
        run_changes.arm(context, run)
        return set_going(context, run, batch)

    patch.setattr(run_creation, "arm", lambda context, run: None)
    patch.setattr(run_creation, "set_going", arm_and_set_going)


def look_once(patch: pytest.MonkeyPatch) -> None:
    """A check is the last one."""

    def check(context: SupervisorContext, job: CheckJob) -> None:
        run = context.runs.get(job.tenant, job.thread_id, job.run_id)
        now_ms = context.clock()
        if run is not None and not run.ended and not run.is_leased(now_ms):
            timers._move_on(context, run, now_ms)

    patch.setattr(timers, "check", check)


def act_without_a_claim(patch: pytest.MonkeyPatch) -> None:
    """Whoever is asked to carry out a tool call does so."""
    patch.setattr(ToolCalls, "claim", lambda calls, run, call: None)


def keep_the_thread(patch: pytest.MonkeyPatch) -> None:
    """A run that ends does not let go of its thread."""
    patch.setattr(ThreadLines, "leave", lambda lines, change, now_ms: [])


@pytest.mark.parametrize(
    ("plant", "scenario", "kind", "found"),
    [
        (commit_without_the_lease, ANSWER, Kind.FROZEN, "frozen before call"),
        (claim_what_has_moved, ANSWER, Kind.FROZEN, "frozen before call"),
        (skip_the_dispatch, REFUSED, Kind.KILLED_AFTER, "it takes .* without a fault"),
        (arm_the_check_too_late, ANSWER, Kind.KILLED_BEFORE, "runs never end"),
        (look_once, STRANDED, Kind.KILLED_BEFORE, "runs never end"),
        (act_without_a_claim, replace(ACTIONS, copies=2), Kind.FROZEN, "acts more than once"),
        (keep_the_thread, ANSWER, Kind.KILLED_AFTER, "the thread is not let go"),
    ],
)
def test_a_defect_is_found(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    plant: Plant,
    scenario: Scenario,
    kind: Kind,
    found: str,
) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError, match=found):
        sweep(stage, scenario, kind)
