"""Tickets: made over HTTP with a key, and good for one connection within a minute."""

import io
import json
import logging
from typing import Any

import boto3
import pytest
from fastapi.testclient import TestClient

from adapters.dynamodb.tickets import TICKET_SECONDS
from api import websocket
from tests.integration.api.support import created, make_assistant, make_run, make_thread, refused
from tests.support.api import SOCKET_URL
from tests.support.socket import SocketClient, socket_context_of
from tests.support.world import REGION, TENANT, Lambda, World
from wiring.bootstrap import ApiContext, SocketContext
from wiring.telemetry import logger

PATH = "/v1/realtime/tickets"


@pytest.fixture
def sockets(context: ApiContext, world: World) -> SocketContext:
    """The WebSocket function's parts, with the keys that the API knows."""
    return socket_context_of(world)


@pytest.fixture
def browser(world: World, sockets: SocketContext) -> SocketClient:
    """A client without a key."""
    return SocketClient(world, sockets, "browser=")


def test_a_ticket_says_where_to_connect_and_until_when(client: TestClient, world: World) -> None:
    now = world.clock() // 1000
    first, second = (created(client.post(PATH)) for _ in range(2))
    assert first == {
        "object": "realtime.ticket",
        "ticket": first["ticket"],
        "expires_at": now + 60,
        "websocket_url": SOCKET_URL,
        "thread_id": None,
    }
    assert first["ticket"] != second["ticket"]
    assert len(first["ticket"]) >= 43
    assert first["ticket"].replace("-", "").replace("_", "").isalnum()


def test_a_ticket_opens_one_connection_of_its_project(
    client: TestClient, sockets: SocketContext, world: World, browser: SocketClient
) -> None:
    ticket = created(client.post(PATH, json={}))["ticket"]
    assert browser.connect(ticket=ticket) == 200
    access = sockets.subscriptions.access_of(browser.id)
    assert access is not None
    assert (access.tenant, access.thread_id) == (TENANT, None)
    thread_id = make_thread(client, "Hi")
    assert browser.say(action="subscribe", thread_id=thread_id)[-1]["type"] == "subscribed"
    second = SocketClient(world, sockets, "second=")
    assert second.connect(ticket=ticket) == 401
    assert sockets.subscriptions.access_of(second.id) is None


def test_a_ticket_is_good_for_a_minute_although_the_table_still_has_it(
    client: TestClient, world: World, browser: SocketClient
) -> None:
    tickets = [created(client.post(PATH))["ticket"] for _ in range(2)]
    world.clock.advance(TICKET_SECONDS - 1)
    assert browser.connect(ticket=tickets[0]) == 200
    world.clock.advance(1)
    assert browser.connect(ticket=tickets[1]) == 401


@pytest.mark.parametrize("ticket", ["", "unknown", "a#b", "x" * 3000])
def test_what_is_no_ticket_opens_nothing(browser: SocketClient, ticket: str) -> None:
    assert browser.connect(ticket=ticket) == 401


def test_a_ticket_that_is_no_good_is_not_made_good_by_a_key(
    client: TestClient, project_key: str, browser: SocketClient
) -> None:
    assert browser.connect(ticket="unknown", key=project_key) == 401


def test_a_ticket_dies_with_the_key_that_it_was_made_with(
    client: TestClient, context: ApiContext, project_key: str, browser: SocketClient
) -> None:
    ticket = created(client.post(PATH))["ticket"]
    record = context.keys.find(project_key)
    assert record is not None
    assert context.keys.delete(TENANT, record.id)
    assert browser.connect(ticket=ticket) == 401


def test_a_ticket_takes_the_key_of_a_project(anonymous: TestClient, admin: TestClient) -> None:
    refused(anonymous.post(PATH), 401)
    refused(admin.post(PATH), 403)


@pytest.mark.parametrize("thread_id", ["thread_unknown", "a#b", "nonsense"])
def test_a_ticket_for_a_thread_that_is_not_there_is_a_404(
    client: TestClient, thread_id: str
) -> None:
    error = refused(client.post(PATH, json={"thread_id": thread_id}), 404)
    assert error["message"] == f"No thread found with id '{thread_id}'."
    assert error["type"] == "invalid_request_error"


def test_a_ticket_for_another_tenants_thread_is_a_404(
    client: TestClient, stranger: TestClient
) -> None:
    refused(stranger.post(PATH, json={"thread_id": make_thread(client)}), 404)


def test_what_a_ticket_is_asked_to_be_is_checked(client: TestClient) -> None:
    error = refused(client.post(PATH, json={"thread_id": 7}))
    assert (error["param"], error["code"]) == ("thread_id", "invalid_type")
    assert refused(client.post(PATH, json={"run_id": "run_1"}))["code"] == "unknown_parameter"


def test_a_ticket_for_a_thread_reaches_that_thread_and_no_other(
    client: TestClient, sockets: SocketContext, browser: SocketClient
) -> None:
    own, other = (make_thread(client, "Hi") for _ in range(2))
    assistant = make_assistant(client)
    runs = {thread: make_run(client, thread, assistant)["id"] for thread in (own, other)}
    ticket = created(client.post(PATH, json={"thread_id": own}))
    assert ticket["thread_id"] == own
    assert browser.connect(ticket=ticket["ticket"]) == 200
    for request in (
        {"action": "subscribe", "thread_id": other},
        {"action": "subscribe", "thread_id": other, "run_id": runs[other]},
        {"action": "unsubscribe", "thread_id": other},
        {"action": "subscribe", "thread_id": "thread_unknown"},
    ):
        (answer,) = browser.say(id="7", **request)
        assert answer["error"]["code"] == "thread_not_allowed"
        assert answer["id"] == "7"
    # The other thread's run is not to be had under the own thread's name either.
    (answer,) = browser.say(action="subscribe", thread_id=own, run_id=runs[other])
    assert answer["error"]["message"] == f"No run found with id '{runs[other]}'."
    assert sockets.subscriptions.of_run(TENANT, other, runs[other]) == []
    assert browser.say(action="subscribe", thread_id=own)[-1]["type"] == "subscribed"
    assert sockets.subscriptions.of_run(TENANT, own, runs[own]) == [browser.id]


def test_neither_ticket_nor_key_is_stored_or_logged(
    client: TestClient,
    project_key: str,
    sockets: SocketContext,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    # The logger keeps the standard output that it was made with, which is another test's.
    logged = io.StringIO()
    tap = logging.StreamHandler(logged)
    tap.setFormatter(logger.registered_formatter)
    logging.getLogger(logger.service).addHandler(tap)
    used, unused = (created(client.post(PATH))["ticket"] for _ in range(2))
    monkeypatch.setattr(websocket, "socket_context", lambda: sockets)
    secrets = {"ticket": used}, {"ticket": used}, {"ticket": "unknown-ticket"}, None
    statuses = [
        websocket.handler(_handshake(f"c{number}=", project_key, query), Lambda())["statusCode"]
        for number, query in enumerate(secrets)
    ]
    assert statuses == [200, 401, 401, 200]
    logging.getLogger(logger.service).removeHandler(tap)
    printed = "".join(capfd.readouterr()) + logged.getvalue()
    stored = json.dumps(boto3.client("dynamodb", region_name=REGION).scan(TableName="stream"))
    for secret in (used, unused, project_key, "unknown-ticket"):
        assert secret not in printed
        assert secret not in stored
    assert "connection refused" in printed


def _handshake(connection_id: str, key: str, query: dict[str, str] | None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {key}"} if query is None else {}
    return {
        "requestContext": {"connectionId": connection_id, "routeKey": "$connect"},
        "headers": headers,
        "queryStringParameters": query,
    }
