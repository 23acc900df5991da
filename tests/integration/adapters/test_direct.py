"""Direct requests over real connections: what succeeds, and what is left to boto3."""

import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.credentials import Credentials

from adapters import aws
from adapters.direct.clients import DirectDynamoDB, DirectPush, DirectRequests

# What the server does in place of an answer.
HANG_UP = b""


def response(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """Return an answer as bytes; `_` in a header's name stands for `-`."""
    named = {"content_length": str(len(body)), **headers}
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items() if value]
    return f"HTTP/1.1 {status}\r\n{''.join(lines)}\r\n".encode() + body


class Service:
    """A server that gives the prepared answers, in their order, whatever is asked.

    Attributes:
        url: where it is.
        requests: the heads and bodies that came.
        connections: how many were made.
    """

    def __init__(self, answers: Sequence[bytes], *, bytewise: bool = False) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answers = list(answers)
        self._bytewise = bytewise
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[tuple[str, bytes]] = []
        self.connections = 0

    def serve(self) -> None:
        """Serve one connection after the other, until all answers are given."""
        while self._answers:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection, connection.makefile("rb") as stream:
                while self._answers and self._serve_one(connection, stream):
                    pass

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve_one(self, connection: socket.socket, stream: Any) -> bool:
        head = b"".join(iter(lambda: stream.readline(), b"\r\n")) if stream.peek(1) else b""
        if not head:
            return False
        lengths = [line for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
        self.requests.append((head.decode(), stream.read(int(lengths[0].split(b":")[1]))))
        answer = self._answers.pop(0)
        pieces = [answer[i : i + 1] for i in range(len(answer))] if self._bytewise else [answer]
        for piece in pieces:
            connection.sendall(piece)
        return answer != HANG_UP and b"connection: close" not in answer


@contextmanager
def service(*answers: bytes, bytewise: bool = False) -> Iterator[Service]:
    """Run a server with prepared answers."""
    running = Service(answers, bytewise=bytewise)
    thread = threading.Thread(target=running.serve, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.close()
        thread.join(5)


Ways = Callable[..., DirectRequests]


@pytest.fixture
def requests_to() -> Iterator[Ways]:
    """Return what gives the direct way to a server."""
    with ExitStack() as ended:

        def give(url: str, read_seconds: float = 5) -> DirectRequests:
            requests = DirectRequests(
                url,
                "us-east-1",
                "dynamodb",
                Credentials("key", "secret", "token"),
                connect_seconds=1,
                read_seconds=read_seconds,
            )
            ended.callback(requests.close)
            return requests

        yield give


Standing = Callable[..., tuple[DirectDynamoDB, Mock]]


@pytest.fixture
def dynamodb(requests_to: Ways) -> Standing:
    """Return what gives a stand-in for a server, and boto3's client behind it."""

    def give(url: str, read_seconds: float = 5) -> tuple[DirectDynamoDB, Mock]:
        client = Mock()
        client.put_item.return_value = "boto3's"
        client.query.return_value = {"Items": ["boto3's"]}
        return DirectDynamoDB(client, requests_to(url, read_seconds)), client

    return give


PUT = {"TableName": "stream", "Item": {"pk": {"S": "käse"}}}


def test_requests_go_over_one_connection_and_are_signed(dynamodb: Standing) -> None:
    with service(response(b"{}"), response(b'{"Items":[]}'), bytewise=True) as server:
        direct, client = dynamodb(server.url)
        assert direct.put_item(**PUT) == {}
        assert direct.query(TableName="stream") == {"Items": []}
    assert server.connections == 1
    assert client.mock_calls == []
    head, body = server.requests[0]
    assert json.loads(body) == PUT
    assert head.startswith("POST / HTTP/1.1\r\n")
    assert "\r\nx-amz-target: DynamoDB_20120810.PutItem\r\n" in head
    assert "\r\nx-amz-security-token: token\r\n" in head
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target" in head
    assert "x-amz-target: DynamoDB_20120810.Query\r\n" in server.requests[1][0]


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew(dynamodb: Standing) -> None:
    with service(response(b"{}"), HANG_UP, response(b"{}")) as server:
        direct, client = dynamodb(server.url)
        assert [direct.put_item(**PUT) for _ in range(2)] == [{}, {}]
    assert server.connections == 2
    assert client.mock_calls == []


def test_a_connection_is_not_kept_if_the_server_says_so(dynamodb: Standing) -> None:
    with service(response(b"{}", connection="close"), response(b"{}")) as server:
        direct, _ = dynamodb(server.url)
        assert [direct.put_item(**PUT) for _ in range(2)] == [{}, {}]
    assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(response(b'{"__type":"Throttled"}', "400 Bad Request"), id="refused"),
        pytest.param(response(b"", "500 Internal Server Error"), id="server's fault"),
        pytest.param(HANG_UP, id="no answer"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", id="chunks"
        ),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", id="no HTTP"),
        pytest.param(response(b"{}", content_length="1"), id="longer than it says"),
        pytest.param(response(b"{}", x_amz_crc32="1"), id="garbled"),
    ],
)
def test_whatever_does_not_succeed_at_once_is_left_to_boto3(
    answer: bytes, dynamodb: Standing
) -> None:
    with service(answer) as server:
        direct, client = dynamodb(server.url)
        assert direct.put_item(**PUT) == "boto3's"
    client.put_item.assert_called_once_with(**PUT)


def test_a_silent_server_is_left_to_boto3_which_then_has_it_alone_for_a_while(
    dynamodb: Standing,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        direct, client = dynamodb(f"http://127.0.0.1:{silent.getsockname()[1]}", read_seconds=0.05)
        assert direct.put_item(**PUT) == "boto3's"
        connection, _ = silent.accept()
        connection.close()
        silent.setblocking(False)
        assert direct.put_item(**PUT) == "boto3's"
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert client.put_item.call_count == 2


def test_a_connection_that_does_not_take_its_frame_leaves_the_others_as_they_are(
    requests_to: Ways,
) -> None:
    with service(HANG_UP, response(b"")) as server:
        client = Mock()
        push = DirectPush(client, requests_to(server.url))
        for connection in ("slow", "slow", "quick"):
            push.post_to_connection(ConnectionId=connection, Data=b"{}")
    assert [call.kwargs["ConnectionId"] for call in client.post_to_connection.mock_calls] == [
        "slow",
        "slow",
    ]
    assert [head.split()[1] for head, _ in server.requests] == [
        "/%40connections/slow",
        "/%40connections/quick",
    ]


def test_a_server_that_cannot_be_reached_is_boto3s_for_a_while(dynamodb: Standing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    direct, client = dynamodb(f"http://127.0.0.1:{port}")
    assert direct.put_item(**PUT) == "boto3's"
    with socket.create_server(("127.0.0.1", port)) as listening:
        listening.setblocking(False)
        assert direct.query() == {"Items": ["boto3's"]}
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert client.put_item.call_count == 1


def test_pages_of_a_query_are_asked_for_directly(dynamodb: Standing) -> None:
    first = b'{"Items":[1,2],"LastEvaluatedKey":{"pk":{"S":"a"}}}'
    second = b'{"Items":[3]}'
    crc = str(zlib.crc32(first))
    with service(response(first, x_amz_crc32=crc), response(second)) as server:
        direct, client = dynamodb(server.url)
        pages = direct.get_paginator("query").paginate(
            TableName="stream", PaginationConfig={"PageSize": 2}
        )
        assert [item for page in pages for item in page["Items"]] == [1, 2, 3]
    asked = [json.loads(body) for _, body in server.requests]
    assert asked == [
        {"TableName": "stream", "Limit": 2},
        {"TableName": "stream", "Limit": 2, "ExclusiveStartKey": {"pk": {"S": "a"}}},
    ]
    assert client.mock_calls == []


def test_everything_else_is_boto3s(dynamodb: Standing) -> None:
    direct, client = dynamodb("http://127.0.0.1:9")
    assert direct.update_item(TableName="state") is client.update_item.return_value
    assert direct.get_paginator("scan") is client.get_paginator.return_value


def test_a_frame_is_pushed_below_the_stages_path(requests_to: Ways) -> None:
    with service(response(b"")) as server:
        client = Mock()
        push = DirectPush(client, requests_to(f"{server.url}/_aws/execute-api/abc/live"))
        push.post_to_connection(ConnectionId="Zm9y/YQ=", Data="{…}".encode())
    head, body = server.requests[0]
    assert head.startswith(
        "POST /_aws/execute-api/abc/live/%40connections/Zm9y%2FYQ%3D HTTP/1.1\r\n"
    )
    assert body == "{…}".encode()
    assert client.mock_calls == []


def test_a_connection_that_is_gone_is_told_of_by_boto3(requests_to: Ways) -> None:
    with service(response(b"", "410 Gone")) as server:
        client = Mock()
        client.post_to_connection.side_effect = KeyError("gone")
        with pytest.raises(KeyError, match="gone"):
            DirectPush(client, requests_to(server.url)).post_to_connection(
                ConnectionId="a", Data=b"{}"
            )
    client.post_to_connection.assert_called_once_with(ConnectionId="a", Data=b"{}")


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "http_proxy"])
def test_behind_a_proxy_all_requests_are_boto3s(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = aws.dynamodb_client()
    assert isinstance(aws.direct_dynamodb(client), DirectDynamoDB)
    monkeypatch.setenv(variable, "http://127.0.0.1:3128")
    assert aws.direct_dynamodb(client) is client
