"""Real handlers against moto, which runs inside the test's process."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tests.support.aws import shared_client
from tests.support.world import REGION, World, build_world, make_resources


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Tables, queues and bucket in moto, and the environment variables that name them."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv(
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI",
        f"https://test.execute-api.{REGION}.amazonaws.com/live",
    )
    monkeypatch.setattr(boto3, "client", shared_client)
    with mock_aws():
        yield make_resources()


@pytest.fixture
def world(environment: dict[str, str]) -> World:
    """A tenant's corner of the service."""
    return build_world(environment)
