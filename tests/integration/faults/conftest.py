"""One stage for all plays of a module: each of them clears it first."""

from collections.abc import Iterator

import pytest

from tests.support.emulated_aws import emulated_aws
from tests.support.stage import Stage


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """The service, with somebody who delivers."""
    with emulated_aws() as environment, pytest.MonkeyPatch.context() as patch:
        yield Stage(environment, patch)
