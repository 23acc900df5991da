"""The scenarios by name, in the order in which they were written down."""

from collections.abc import Callable

from tests.contract.python.session import Session

Scenario = Callable[[Session], None]
SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Scenario) -> Scenario:
    """Register a scenario under its function's name."""
    name = function.__name__
    if name in SCENARIOS:
        raise ValueError(f"There are two scenarios {name}.")
    SCENARIOS[name] = function
    return function
