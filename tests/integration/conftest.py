"""Real handlers against moto, which runs inside the test's process."""

from collections.abc import Iterator

import pytest

from tests.support.emulated_aws import emulated_aws
from tests.support.world import World, build_world


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Tables, queues and bucket in moto, and the environment variables that name them."""
    with emulated_aws(monkeypatch) as variables:
        yield variables


@pytest.fixture
def world(environment: dict[str, str]) -> World:
    """A tenant's corner of the service."""
    return build_world(environment)
