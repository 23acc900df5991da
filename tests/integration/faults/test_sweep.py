"""Whatever dies or fails at any call of the outside: every run comes to its right end."""

import pytest

from tests.integration.faults.play import Scenario
from tests.integration.faults.scenarios import SCENARIOS
from tests.integration.faults.sweep import Kind, sweep
from tests.support.stage import Stage


@pytest.mark.parametrize("kind", list(Kind), ids=str)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_run_ends_right_with_a_fault_at_any_call(
    stage: Stage, scenario: Scenario, kind: Kind
) -> None:
    assert sweep(stage, scenario, kind) > 1
