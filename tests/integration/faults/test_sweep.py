"""Whatever dies or fails at any call of the outside: every run comes to its right end."""

import pytest

from tests.integration.faults.play import Scenario
from tests.integration.faults.scenarios import (
    ACTIONS,
    ANSWER,
    BOTH,
    CANCEL,
    FUNCTION,
    LINE,
    REFUSED,
    STRANDED,
    TWICE,
    WORDS,
)
from tests.integration.faults.sweep import Kind, sweep
from tests.support.stage import Stage

ALL = (ANSWER, FUNCTION, WORDS, ACTIONS, BOTH, REFUSED, CANCEL, LINE, TWICE, STRANDED)
SWEPT = {
    Kind.KILLED_BEFORE: ALL,
    Kind.KILLED_AFTER: ALL,
    Kind.FROZEN: (ANSWER, FUNCTION, ACTIONS, BOTH, CANCEL, LINE),
    Kind.REFUSED: (FUNCTION, ACTIONS),
    Kind.UNHEARD: (FUNCTION, ACTIONS, LINE),
    Kind.SHORT_OUTAGE: (ANSWER, ACTIONS),
    Kind.LONG_OUTAGE: (FUNCTION, ACTIONS),
}


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        pytest.param(scenario, kind, id=f"{scenario}: {kind}")
        for kind, scenarios in SWEPT.items()
        for scenario in scenarios
    ],
)
def test_a_run_ends_right_with_a_fault_at_any_call(
    stage: Stage, scenario: Scenario, kind: Kind
) -> None:
    assert sweep(stage, scenario, kind) > 1
