"""boto3 clients of the emulator."""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from infra.local.environment import REGION

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_s3 import S3Client
    from types_boto3_ssm import SSMClient


class EmulatedAws:
    """Makes clients that talk to the emulator, with credentials that only it accepts."""

    def __init__(self, endpoint: str, session: boto3.Session | None = None) -> None:
        """Take the emulator's URL, and credentials if they are to be others than its root's."""
        self._endpoint = endpoint
        self._session = session or boto3.Session(
            aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION
        )
        # No proxy: the emulator is on this machine.
        self._config = Config(proxies={}, retries={"mode": "standard"})

    def as_role(self, arn: str) -> "EmulatedAws":
        """Make clients that may do what a role may do, where the emulator enforces policies."""
        sts = self._session.client("sts", endpoint_url=self._endpoint, config=self._config)
        given = sts.assume_role(RoleArn=arn, RoleSessionName="local")["Credentials"]
        session = boto3.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            region_name=REGION,
        )
        return EmulatedAws(self._endpoint, session)

    def cloudformation(self) -> "CloudFormationClient":
        """A client of CloudFormation."""
        return self._session.client(
            "cloudformation", endpoint_url=self._endpoint, config=self._config
        )

    def dynamodb(self) -> "DynamoDBClient":
        """A client of DynamoDB."""
        return self._session.client("dynamodb", endpoint_url=self._endpoint, config=self._config)

    def functions(self) -> "LambdaClient":
        """A client of Lambda."""
        return self._session.client("lambda", endpoint_url=self._endpoint, config=self._config)

    def logs(self) -> "CloudWatchLogsClient":
        """A client of CloudWatch Logs."""
        return self._session.client("logs", endpoint_url=self._endpoint, config=self._config)

    def s3(self) -> "S3Client":
        """A client of S3."""
        return self._session.client("s3", endpoint_url=self._endpoint, config=self._config)

    def ssm(self) -> "SSMClient":
        """A client of SSM."""
        return self._session.client("ssm", endpoint_url=self._endpoint, config=self._config)
