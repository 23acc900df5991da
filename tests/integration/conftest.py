"""Real handlers against moto, which runs inside the test's process."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from moto import mock_aws

from tests.support.aws import shared_client
from tests.support.world import REGION, World, build_world, make_resources


@contextmanager
def resources() -> Iterator[dict[str, str]]:
    """Tables, queues and bucket in moto, and the environment variables that name them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        patch.setenv(
            "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI",
            f"https://test.execute-api.{REGION}.amazonaws.com/live",
        )
        patch.setattr(boto3, "client", shared_client)
        with mock_aws():
            yield make_resources()


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """Tables, queues and bucket in moto, and the environment variables that name them."""
    with resources() as names:
        yield names


@pytest.fixture
def world(environment: dict[str, str]) -> World:
    """A tenant's corner of the service."""
    return build_world(environment)


@pytest.fixture(scope="module")
def shared_world() -> Iterator[World]:
    """One for the tests of a module, each of which clears it; none of them may ask for `world`."""
    with resources() as names:
        yield build_world(names)
