"""What the programs report; each runs once, and only if a chosen test asks for it."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import cast

import pytest

from tests.contract.programs import Outcome, Sdk, run_program

# So many programs run at the same time, each beside its service.
PROGRAMS = 2


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest) -> Iterator[dict[Sdk, Future[Outcome]]]:
    """The reports that the programs of all chosen tests will have made."""
    chosen = (
        cast(Sdk, item.callspec.getparam("sdk"))
        for item in request.session.items
        if isinstance(item, pytest.Function) and "outcome" in item.fixturenames
    )
    with ThreadPoolExecutor(max_workers=PROGRAMS) as pool:
        yield {sdk: pool.submit(run_program, sdk) for sdk in dict.fromkeys(chosen)}


@pytest.fixture
def outcome(outcomes: dict[Sdk, Future[Outcome]], sdk: Sdk) -> Outcome:
    """What the program with this SDK reports."""
    return outcomes[sdk].result()
