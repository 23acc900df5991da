"""What the tests of the clients share."""

from collections.abc import Iterator

import pytest

from tests.integration.clients import fronts


@pytest.fixture(params=list(fronts.FRONTS))
def front(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the test once with each front of the client."""
    fronts.choose(request.param)
    yield
    fronts.choose(None)
