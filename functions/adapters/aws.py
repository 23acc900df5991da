"""boto3 clients with the time limits and retries that a short-lived function can afford."""

from typing import TYPE_CHECKING, Any, Final, cast
from urllib.request import getproxies

import boto3
from botocore.config import Config

from adapters.direct.clients import DirectDynamoDB, DirectPush, DirectRequests

if TYPE_CHECKING:
    from types_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_kms.client import KMSClient
    from types_boto3_s3.client import S3Client
    from types_boto3_scheduler.client import EventBridgeSchedulerClient
    from types_boto3_secretsmanager.client import SecretsManagerClient
    from types_boto3_sqs.client import SQSClient
    from types_boto3_ssm.client import SSMClient
    from types_boto3_stepfunctions.client import SFNClient

# A push waits for the gateway for most of its time, so more threads push more; but they take turns
# from the one that logs what the model says: `make bench-subscribers` shows both.
PUSH_CONNECTIONS = 16
SLOW_PUSH_CONNECTIONS = 8
_CONNECT_SECONDS: Final = 3
_READ_SECONDS: Final = 10
_PUSH_CONNECT_SECONDS: Final = 1
_PUSH_READ_SECONDS: Final = 2
_CONFIG = Config(
    connect_timeout=_CONNECT_SECONDS,
    read_timeout=_READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": 4},
)
# For what is asked many times a second: the types have checked the parameters already, and botocore
# puts its user agent together anew for each request: a tenth to a quarter of what a request takes.
_LEAN = Config(parameter_validation=False, user_agent=f"Boto3/{boto3.__version__} ThreadRunner")
# A connection that does not take a frame soon must not hold a worker that others wait for: it is
# tried again beside them (`adapters.push`), and not within botocore.
_PUSH_CONFIG = Config(
    connect_timeout=_PUSH_CONNECT_SECONDS,
    read_timeout=_PUSH_READ_SECONDS,
    retries={"mode": "standard", "total_max_attempts": 1},
    max_pool_connections=PUSH_CONNECTIONS + SLOW_PUSH_CONNECTIONS,
)


def dynamodb_client() -> "DynamoDBClient":
    """Return a DynamoDB client."""
    return boto3.client("dynamodb", config=_CONFIG.merge(_LEAN))


def s3_client() -> "S3Client":
    """Return an S3 client that signs with version 4, as presigned URLs need."""
    return boto3.client("s3", config=_CONFIG.merge(Config(signature_version="s3v4")))


def sqs_client() -> "SQSClient":
    """Return an SQS client."""
    return boto3.client("sqs", config=_CONFIG)


def scheduler_client() -> "EventBridgeSchedulerClient":
    """Return an EventBridge Scheduler client."""
    return boto3.client("scheduler", config=_CONFIG)


def stepfunctions_client() -> "SFNClient":
    """Return a Step Functions client."""
    return boto3.client("stepfunctions", config=_CONFIG)


def ssm_client() -> "SSMClient":
    """Return a Systems Manager client."""
    return boto3.client("ssm", config=_CONFIG)


def secretsmanager_client() -> "SecretsManagerClient":
    """Return a Secrets Manager client."""
    return boto3.client("secretsmanager", config=_CONFIG)


def kms_client() -> "KMSClient":
    """Return a Key Management Service client."""
    return boto3.client("kms", config=_CONFIG)


def push_client() -> "ApiGatewayManagementApiClient":
    """Return a client that pushes to WebSocket connections.

    Its endpoint is the WebSocket API's stage; boto3 takes it from
    `AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI`.
    """
    return boto3.client("apigatewaymanagementapi", config=_PUSH_CONFIG.merge(_LEAN))


def direct_dynamodb(client: "DynamoDBClient") -> "DynamoDBClient":
    """Return what asks DynamoDB directly where it can, in place of a client (`adapters.direct`)."""
    requests = _direct_requests(client, "dynamodb", _CONNECT_SECONDS, _READ_SECONDS)
    if requests is None:
        return client
    return cast("DynamoDBClient", DirectDynamoDB(client, requests))


def direct_push(client: "ApiGatewayManagementApiClient") -> "ApiGatewayManagementApiClient":
    """Return what pushes directly where it can, in place of a client (`adapters.direct`)."""
    requests = _direct_requests(client, "execute-api", _PUSH_CONNECT_SECONDS, _PUSH_READ_SECONDS)
    if requests is None:
        return client
    return cast("ApiGatewayManagementApiClient", DirectPush(client, requests))


def _direct_requests(
    client: Any, service: str, connect_seconds: float, read_seconds: float
) -> DirectRequests | None:
    credentials = boto3.Session().get_credentials()
    # boto3 goes through a proxy that the environment names, and signs nothing without a key.
    if credentials is None or {"http", "https"} & getproxies().keys():
        return None
    return DirectRequests(
        client.meta.endpoint_url,
        client.meta.region_name,
        service,
        credentials,
        connect_seconds=connect_seconds,
        read_seconds=read_seconds,
    )
