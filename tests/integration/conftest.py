"""Real handlers against moto, which runs inside the test's process."""

from collections.abc import Iterator

import pytest

from tests.support.emulated_aws import emulated_aws
from tests.support.world import World, build_world


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """Tables, queues and bucket in moto, and the environment variables that name them."""
    with emulated_aws() as variables:
        yield variables


@pytest.fixture
def world(environment: dict[str, str]) -> World:
    """A tenant's corner of the service."""
    return build_world(environment)


@pytest.fixture(scope="module")
def shared_world() -> Iterator[World]:
    """One for the tests of a module, each of which clears it; none of them may ask for `world`."""
    with emulated_aws() as variables:
        yield build_world(variables)
