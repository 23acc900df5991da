"""AWS as moto plays it, inside the test's process."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from moto import mock_aws

from tests.support.aws import shared_client
from tests.support.world import REGION, make_resources


@contextmanager
def emulated_aws() -> Iterator[dict[str, str]]:
    """Give tables, queues and bucket, as the environment variables that name them."""
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
