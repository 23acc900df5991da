"""Programs written for OpenAI's API run unchanged, whatever SDK they were written with."""

import pytest

from tests.contract.programs import (
    Outcome,
    Sdk,
    find_node_sdks,
    find_python_sdks,
    node_scenarios,
    python_scenarios,
)

PYTHON_SDKS = find_python_sdks()
NODE_SDKS = find_node_sdks()


@pytest.mark.parametrize("scenario", python_scenarios())
@pytest.mark.parametrize("sdk", PYTHON_SDKS, ids=str)
def test_a_python_program_runs(sdk: Sdk, outcome: Outcome, scenario: str) -> None:
    expect_success(outcome, scenario)


@pytest.mark.parametrize("scenario", node_scenarios())
@pytest.mark.parametrize("sdk", NODE_SDKS, ids=str)
def test_a_node_program_runs(sdk: Sdk, outcome: Outcome, scenario: str) -> None:
    expect_success(outcome, scenario)


@pytest.mark.parametrize("sdk", [*PYTHON_SDKS, *NODE_SDKS], ids=str)
def test_every_program_runs_to_its_end_with_the_sdk_that_it_names(
    sdk: Sdk, outcome: Outcome
) -> None:
    wanted = python_scenarios() if sdk.language == "python" else node_scenarios()
    assert outcome.trouble == ""
    assert list(outcome.faults) == wanted
    assert outcome.version.split(".")[0] == sdk.major


def expect_success(outcome: Outcome, scenario: str) -> None:
    """Fail with what the program says of a scenario, unless it went well."""
    faults = outcome.faults.get(scenario, [outcome.trouble or "the scenario did not run"])
    if faults:
        pytest.fail("\n".join(faults), pytrace=False)
