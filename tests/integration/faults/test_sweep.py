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
SHOWN = {
    Kind.KILLED_BEFORE: pytest.mark.fault(
        "api-before-transaction",
        "api-before-enqueue",
        "runner-before-claim",
        "runner-after-claim",
        "runner-after-delta",
        "runner-before-commit",
        "runner-before-dispatch",
        "tool-worker-before",
        "tool-worker-during",
        "tool-worker-after",
        "timers-killed",
    ),
    Kind.KILLED_AFTER: pytest.mark.fault("runner-after-dispatch"),
    Kind.FROZEN: pytest.mark.fault("zombie"),
    Kind.REFUSED: pytest.mark.fault("table-throttled"),
    Kind.UNHEARD: pytest.mark.fault("table-answer-lost"),
    Kind.SHORT_OUTAGE: pytest.mark.fault("queue-out", "machine-out"),
    Kind.LONG_OUTAGE: pytest.mark.fault("table-out", "queue-out", "machine-out"),
}
SHOWN_BY_SCENARIO = {
    WORDS.name: [pytest.mark.fault("runner-after-words")],
    CANCEL.name: [pytest.mark.fault("cancel")],
    TWICE.name: [pytest.mark.fault("message-twice")],
    STRANDED.name: [pytest.mark.fault("machine-lost")],
}


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        pytest.param(
            scenario,
            kind,
            id=f"{scenario}: {kind}",
            marks=[SHOWN[kind], *SHOWN_BY_SCENARIO.get(scenario.name, [])],
        )
        for kind, scenarios in SWEPT.items()
        for scenario in scenarios
    ],
)
def test_a_run_ends_right_with_a_fault_at_any_call(
    stage: Stage, scenario: Scenario, kind: Kind
) -> None:
    assert sweep(stage, scenario, kind) > 1
