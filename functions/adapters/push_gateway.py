"""One push to one connection, and what came of it."""

from enum import Enum
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient

# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-quotas.html
_THROTTLED: Final = frozenset(
    {"LimitExceededException", "ThrottlingException", "TooManyRequestsException"}
)


class Posted(Enum):
    """What came of a push."""

    DELIVERED = "the gateway has it"
    GONE = "the connection is closed"
    LATER = "it may work later: a throttle, a time limit, trouble on the way"
    REFUSED = "it will never work"


class PushGateway:
    """Pushes, once each: what is to be done about a failure is for the caller to say.

    Args:
        client: an API Gateway management client.
    """

    def __init__(self, client: "ApiGatewayManagementApiClient") -> None:
        self._client = client

    def post(self, connection_id: str, data: bytes) -> Posted:
        """Push a text to a connection."""
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=data)
        except self._client.exceptions.GoneException:
            return Posted.GONE
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            passing = status >= 500 or error.response["Error"].get("Code") in _THROTTLED
            return Posted.LATER if passing or status == 429 else Posted.REFUSED
        except BotoCoreError:
            return Posted.LATER
        return Posted.DELIVERED
