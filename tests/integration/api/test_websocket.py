"""The WebSocket function: who gets in, and what a subscriber hears."""

import json
from typing import Any

import boto3
import pytest

from adapters.dynamodb.subscriptions import Subscription, Subscriptions
from api import websocket
from api.services.socket_requests import receive
from api.websocket import connect
from core.access import Access
from tests.support.gateway import FakeGateway, gone, pusher_of
from tests.support.model import stop, text
from tests.support.protocol import check_message
from tests.support.socket import ACCESS, make_key, socket_context_of
from tests.support.world import REGION, TENANT, Lambda, World
from wiring.bootstrap import SocketContext

CONNECTION = "connection="


@pytest.fixture
def context(world: World) -> SocketContext:
    """The WebSocket function's parts, on the world's tables."""
    return socket_context_of(world)


@pytest.fixture(autouse=True)
def key(context: SocketContext) -> str:
    """A key of the tenant."""
    make_key(context, "proj_other", "user_2")
    return make_key(context)


def heard(world: World) -> list[dict[str, Any]]:
    """Return what was pushed to the connection, and forget it."""
    texts = [
        json.loads(text) for connection, text in world.pusher.texts if connection == CONNECTION
    ]
    world.pusher.texts.clear()
    for message in texts:
        check_message(message)
    return texts


def say(context: SocketContext, **request: Any) -> None:
    """Have the client say something."""
    receive(context, CONNECTION, json.dumps(request), 1)


def finished_run(world: World, thread_id: str) -> Any:
    """Return a run that has answered."""
    world.model.turn(*text("Hello ", "there"), *stop())
    run = world.create_run(thread_id)
    world.deliver_next()
    return run


@pytest.mark.parametrize("name", ["Authorization", "authorization"])
def test_a_key_opens_a_connection_whatever_the_headers_case(
    context: SocketContext, key: str, name: str
) -> None:
    assert connect(context, CONNECTION, {name: f"Bearer {key}"}, {}) == 200
    assert context.subscriptions.access_of(CONNECTION) == ACCESS


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sk-tr-wrong"}])
def test_without_a_known_key_there_is_no_connection(
    context: SocketContext, key: str, headers: dict[str, str]
) -> None:
    assert connect(context, CONNECTION, headers, {}) == 401
    assert context.subscriptions.access_of(CONNECTION) is None


@pytest.mark.parametrize(("protocol", "status"), [("1", 200), ("2", 400), ("", 400)])
def test_a_client_that_speaks_another_version_is_told_so_at_once(
    context: SocketContext, key: str, protocol: str, status: int
) -> None:
    headers, query = {"Authorization": f"Bearer {key}"}, {"protocol": protocol}
    assert connect(context, CONNECTION, headers, query) == status
    assert (context.subscriptions.access_of(CONNECTION) is not None) == (status == 200)


def test_a_subscriber_gets_the_log_first_and_the_acknowledgement_last(
    context: SocketContext, world: World
) -> None:
    context.subscriptions.connect(CONNECTION, ACCESS)
    thread_id = world.thread("Hi")
    run = finished_run(world, thread_id)
    say(context, action="subscribe", thread_id=thread_id, run_id=run.id, id="mine")
    *frames, ack = heard(world)
    events = [event for frame in frames for event in frame["events"]]
    assert [event["event"] for event in events] == [e.name for _, e in world.events(run)]
    assert ack == {
        "type": "subscribed",
        "thread_id": thread_id,
        "run_id": run.id,
        "id": "mine",
        "last": events[-1]["id"],
        "status": "completed",
    }


def test_a_subscriber_goes_on_after_the_id_that_it_names(
    context: SocketContext, world: World
) -> None:
    context.subscriptions.connect(CONNECTION, ACCESS)
    thread_id = world.thread("Hi")
    run = finished_run(world, thread_id)
    ids = [str(event_id) for event_id, _ in world.events(run)]
    for position, after in enumerate(ids):
        say(context, action="subscribe", thread_id=thread_id, run_id=run.id, after=after)
        *frames, _ = heard(world)
        got = [event["id"] for frame in frames for event in frame["events"]]
        assert got == ids[position + 1 :]
        if frames:
            assert frames[0]["after"] == after


def test_a_subscriber_of_a_thread_hears_its_active_run_and_is_told_of_all_later_ones(
    context: SocketContext, world: World
) -> None:
    context.subscriptions.connect(CONNECTION, ACCESS)
    thread_id = world.thread("Hi")
    run = world.create_run(thread_id)
    say(context, action="subscribe", thread_id=thread_id)
    frame, ack = heard(world)
    assert [event["event"] for event in frame["events"]] == [
        "thread.run.created",
        "thread.run.queued",
    ]
    assert ack["status"] == "queued"
    assert context.subscriptions.of_run(TENANT, thread_id, run.id) == [CONNECTION]
    assert context.subscriptions.of_run(TENANT, thread_id, "run_later") == [CONNECTION]


def test_a_subscription_to_a_run_does_not_cover_other_runs(
    context: SocketContext, world: World
) -> None:
    context.subscriptions.connect(CONNECTION, ACCESS)
    thread_id = world.thread("Hi")
    run = finished_run(world, thread_id)
    say(context, action="subscribe", thread_id=thread_id, run_id=run.id)
    assert context.subscriptions.of_run(TENANT, thread_id, "run_other") == []
    say(context, action="unsubscribe", thread_id=thread_id, run_id=run.id)
    assert heard(world)[-1]["type"] == "unsubscribed"
    assert context.subscriptions.of_run(TENANT, thread_id, run.id) == []


def test_a_tenant_can_only_subscribe_to_its_own(context: SocketContext, world: World) -> None:
    context.subscriptions.connect(CONNECTION, Access("proj_other", "user_2"))
    thread_id = world.thread("Hi")
    run = finished_run(world, thread_id)
    for request in ({"thread_id": thread_id}, {"thread_id": thread_id, "run_id": run.id}):
        say(context, action="subscribe", **request)
        (answer,) = heard(world)
        assert answer["type"] == "error"
        assert answer["error"]["message"].startswith("No ")
    assert context.subscriptions.of_run(TENANT, thread_id, run.id) == []
    assert context.subscriptions.of_run("proj_other", thread_id, run.id) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("not json", "not a JSON object"),
        ('{"action":"ping","id":"\\ud83d"}', "not a JSON object"),
        ('{"action":"ping","id":"\ud83d"}', "not a JSON object"),
        ('{"action":"dance"}', "Invalid 'action'"),
        ('{"no":"action"}', "Invalid 'action'"),
        ('{"action":"subscribe"}', "'thread_id'"),
        ('{"action":"subscribe","thread_id":"thread_1","after":"3-7"}', "'run_id'"),
        ('{"action":"subscribe","thread_id":"a#b"}', "No thread found"),
        ('{"action":"subscribe","thread_id":"thread_1","run_id":"run_1","after":"x"}', "'after'"),
    ],
)
def test_a_mistake_is_answered_with_what_is_wrong(
    context: SocketContext, world: World, body: str, words: str
) -> None:
    context.subscriptions.connect(CONNECTION, ACCESS)
    receive(context, CONNECTION, body, 1)
    (answer,) = heard(world)
    assert answer["type"] == "error"
    assert words in answer["error"]["message"]
    assert set(answer["error"]) == {"message", "type", "param", "code"}


def test_a_ping_is_answered(context: SocketContext, world: World) -> None:
    context.subscriptions.connect(CONNECTION, ACCESS)
    say(context, action="ping")
    assert heard(world) == [{"type": "pong", "protocol": 1}]


def test_a_disconnect_leaves_nothing_behind(
    context: SocketContext, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    context.subscriptions.connect(CONNECTION, ACCESS)
    thread_id = world.thread("Hi")
    run = finished_run(world, thread_id)
    say(context, action="subscribe", thread_id=thread_id, run_id=run.id)
    say(context, action="subscribe", thread_id=thread_id)
    subscriptions: Subscriptions = context.subscriptions
    subscriptions.disconnect(CONNECTION)
    assert subscriptions.of_run(TENANT, thread_id, run.id) == []
    assert subscriptions.access_of(CONNECTION) is None


def test_the_handler_answers_without_a_body(
    context: SocketContext, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "socket_context", lambda: context)
    event: dict[str, Any] = {
        "requestContext": {"connectionId": CONNECTION, "routeKey": "$connect"},
        "headers": {"Authorization": f"Bearer {key}"},
    }
    assert websocket.handler(event, Lambda()) == {"statusCode": 200}
    event["requestContext"]["routeKey"] = "$default"
    event["body"] = '{"action":"ping"}'
    assert websocket.handler(event, Lambda()) == {"statusCode": 200}


def test_a_connection_ends_with_its_key(context: SocketContext, world: World) -> None:
    context.subscriptions.connect(CONNECTION, ACCESS)
    thread_id = world.thread("Hi")
    say(context, action="subscribe", thread_id=thread_id)
    context.keys.delete(TENANT, ACCESS.key_id)
    heard(world)
    say(context, action="ping")
    (answer,) = heard(world)
    assert answer["error"]["code"] == "invalid_api_key"
    assert context.subscriptions.of_run(TENANT, thread_id, "run_1") == []
    assert context.subscriptions.access_of(CONNECTION) is None


def test_a_subscription_that_overtakes_its_disconnect_ends_with_the_next_push_or_its_time(
    context: SocketContext, world: World
) -> None:
    thread_id = world.thread("Hi")
    run = world.create_run(thread_id)
    subscriptions = context.subscriptions
    subscriptions.connect(CONNECTION, ACCESS)
    subscriptions.disconnect(CONNECTION)
    subscriptions.add(TENANT, Subscription(CONNECTION, thread_id, run.id))
    items = boto3.client("dynamodb", region_name=REGION).scan(TableName="stream")["Items"]
    left = [item for item in items if CONNECTION in item["pk"]["S"] + item["sk"]["S"]]
    latest = world.clock() // 1000 + 3 * 3600
    assert len(left) == 2
    assert all(int(item["expires_at"]["N"]) <= latest for item in left)
    gateway = FakeGateway()
    gateway.always[CONNECTION] = gone
    pusher = pusher_of(gateway, subscriptions)
    (batch,) = world.runner.event_log.read(TENANT, run.id)
    pusher.publish(TENANT, thread_id, run.id, batch)
    assert pusher.drain(30)
    assert gateway.attempts[CONNECTION] == 1
    assert subscriptions.of_run(TENANT, thread_id, run.id) == []
