"""Stand-ins for two of boto3's clients: what is asked most often goes directly.

Each is used like the client that it stands in for. A direct request that does not succeed at once
is made again by boto3; so what goes directly must be harmless when it is done twice.
"""

import json
import re
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlsplit

from botocore.credentials import Credentials

from adapters.direct.connections import Answer, KeptConnections, NoAnswer, Unreachable
from adapters.direct.signing import Signer

if TYPE_CHECKING:
    from types_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient
    from types_boto3_dynamodb.client import DynamoDBClient

_CHECKSUM: Final = re.compile(rb"\r\nx-amz-crc32:[ \t]*(\d+)", re.IGNORECASE)
# For so long boto3 alone has a server that could not be reached directly, or a path of it that did
# not answer: a slow connection's pushes shall not hold up those to others.
_REST_SECONDS: Final = 30.0
_EVERYTHING: Final = ""


class DirectRequests:
    """Signed requests to the endpoint that a boto3 client has.

    Args:
        url: the endpoint; a path in it stands before every request's.
        region: the endpoint's region.
        service: its name in signatures.
        credentials: who asks; botocore renews what runs out.
        connect_seconds, read_seconds: as for the client.
    """

    def __init__(
        self,
        url: str,
        region: str,
        service: str,
        credentials: Credentials,
        *,
        connect_seconds: float,
        read_seconds: float,
    ) -> None:
        parts = urlsplit(url)
        self._host = parts.netloc
        self._base = parts.path.rstrip("/")
        self._signer = Signer(region, service)
        self._credentials = credentials
        self._connections = KeptConnections(
            url, connect_seconds=connect_seconds, read_seconds=read_seconds
        )
        self._rests: dict[str, float] = {}

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> Answer | None:
        """Post a body; return the answer if it is a success, and None if boto3 shall try.

        Args:
            path: percent-encoded, with a leading slash.
            body: the body.
            headers: by names in lower case; `host` and `content-length` are added.
        """
        if self._rests_for(path):
            return None
        frozen = self._credentials.get_frozen_credentials()
        target = self._base + path
        signed = self._signer.sign(
            frozen, target, {**headers, "host": self._host}, body, datetime.now(UTC)
        )
        lines = [f"{name}: {value}\r\n" for name, value in signed.items()]
        head = f"POST {target} HTTP/1.1\r\n{''.join(lines)}content-length: {len(body)}\r\n\r\n"
        try:
            answer = self._connections.exchange(head.encode("ascii") + body)
        except NoAnswer as error:
            self._rest(_EVERYTHING if isinstance(error, Unreachable) else path)
            return None
        return answer if answer.status == 200 else None

    def close(self) -> None:
        """Close the connections that are kept."""
        self._connections.close()

    def _rests_for(self, path: str) -> bool:
        now = time.monotonic()
        return any(self._rests.get(each, now) > now for each in (_EVERYTHING, path))

    def _rest(self, path: str) -> None:
        now = time.monotonic()
        going_on = {each: until for each, until in self._rests.items() if until > now}
        self._rests = {**going_on, path: now + _REST_SECONDS}


class DirectDynamoDB:
    """DynamoDB's client, whose `put_item` and `query` go directly.

    Only for items of texts and numbers, and for puts that may be repeated as they are.

    Args:
        client: boto3's, for everything else.
        requests: the direct way to the same endpoint.
    """

    def __init__(self, client: "DynamoDBClient", requests: DirectRequests) -> None:
        self._client: Any = client
        self._requests = requests

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_item(self, **parameters: Any) -> Any:
        """Put an item, as boto3's client does; what it returns has no metadata."""
        answer = self._call("PutItem", parameters)
        return self._client.put_item(**parameters) if answer is None else answer

    def query(self, **parameters: Any) -> Any:
        """Read a page of items, as boto3's client does; what it returns has no metadata."""
        answer = self._call("Query", parameters)
        return self._client.query(**parameters) if answer is None else answer

    def get_paginator(self, operation: str) -> Any:
        """Return boto3's paginator, or one that asks for the pages of a query directly."""
        return _QueryPages(self) if operation == "query" else self._client.get_paginator(operation)

    def _call(self, operation: str, parameters: dict[str, Any]) -> Any:
        body = json.dumps(parameters, separators=(",", ":")).encode()
        answer = self._requests.post(
            "/",
            body,
            {
                "content-type": "application/x-amz-json-1.0",
                "x-amz-target": f"DynamoDB_20120810.{operation}",
            },
        )
        if answer is None or not _is_intact(answer):
            return None
        return json.loads(answer.body)


class _QueryPages:
    """The paginator of `query`, as far as it is used."""

    def __init__(self, client: DirectDynamoDB) -> None:
        self._client = client

    def paginate(
        self,
        *,
        PaginationConfig: dict[str, int] | None = None,
        **parameters: Any,
    ) -> Iterator[Any]:
        """Yield page after page; of the configuration, `PageSize` counts."""
        if PaginationConfig is not None:
            parameters["Limit"] = PaginationConfig["PageSize"]
        while True:
            page = self._client.query(**parameters)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            parameters["ExclusiveStartKey"] = page["LastEvaluatedKey"]


class DirectPush:
    """The client of API Gateway's connections, whose `post_to_connection` goes directly.

    Args:
        client: boto3's, for everything else.
        requests: the direct way to the same endpoint.
    """

    def __init__(self, client: "ApiGatewayManagementApiClient", requests: DirectRequests) -> None:
        self._client = client
        self._requests = requests

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:
        """Push a frame to a connection, as boto3's client does."""
        path = f"/%40connections/{quote(ConnectionId, safe='')}"
        answer = self._requests.post(path, Data, {"content-type": "application/octet-stream"})
        if answer is None:
            self._client.post_to_connection(ConnectionId=ConnectionId, Data=Data)


def _is_intact(answer: Answer) -> bool:
    checksum = _CHECKSUM.search(answer.head)
    return checksum is None or int(checksum[1]) == zlib.crc32(answer.body)
