"""Runs created, answered and cancelled over the WebSocket: as over HTTP, and then watched."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from adapters.dynamodb.subscriptions import Subscription, Subscriptions
from api.services import run_creation
from tests.integration.api.support import (
    WEATHER,
    created,
    make_assistant,
    make_run,
    make_thread,
    refused,
)
from tests.support.model import call, stop, text
from tests.support.socket import SocketClient, socket_context_of
from tests.support.world import TENANT, World
from wiring.bootstrap import ApiContext, SocketContext

TICKETS = "/v1/realtime/tickets"


@pytest.fixture
def sockets(context: ApiContext, world: World) -> SocketContext:
    """The WebSocket function's parts, with the keys that the API knows."""
    return socket_context_of(world)


@pytest.fixture
def socket(world: World, sockets: SocketContext, project_key: str) -> SocketClient:
    """A connection of the world's project."""
    socket = SocketClient(world, sockets, "socket=")
    assert socket.connect(key=project_key) == 200
    return socket


@pytest.fixture
def assistant(client: TestClient) -> str:
    """An assistant with a function."""
    return make_assistant(client, tools=[WEATHER])


def names(frames: list[dict[str, Any]]) -> list[str]:
    """Return the names of frames' events."""
    return [event["event"].removeprefix("thread.") for frame in frames for event in frame["events"]]


def create(socket: SocketClient, thread_id: str | None, **body: Any) -> list[dict[str, Any]]:
    """Create a run, and return what came."""
    named = {} if thread_id is None else {"thread_id": thread_id}
    return socket.say(action="run.create", id="1", run=body, **named)


def test_a_run_is_answered_first_and_then_watched_from_its_beginning(
    client: TestClient, socket: SocketClient, sockets: SocketContext, world: World, assistant: str
) -> None:
    thread_id = make_thread(client, "Hi")
    answer, *frames = create(socket, thread_id, assistant_id=assistant)
    run = created(client.get(f"/v1/threads/{thread_id}/runs/{answer['run_id']}"))
    assert answer == {
        "type": "run.created",
        "id": "1",
        "thread_id": thread_id,
        "run_id": run["id"],
        "run": run,
        "last": None,
        "replayed": False,
    }
    assert frames[0]["after"] is None
    assert names(frames) == ["run.created", "run.queued"]
    assert sockets.subscriptions.of_run(TENANT, thread_id, run["id"]) == [socket.id]
    # As durable as by HTTP: a check that was armed before, and the step's message.
    assert [job.run_id for job in world.queues.steps] == [run["id"]]
    assert [job.run_id for job, _ in world.queues.checks] == [run["id"]]
    world.model.turn(*text("Hello."), *stop())
    assert world.deliver_next()
    assert created(client.get(f"/v1/threads/{thread_id}/runs/{run['id']}"))["status"] == "completed"


def test_without_a_thread_one_is_made_with_the_run(
    client: TestClient, socket: SocketClient, assistant: str
) -> None:
    thread = {"messages": [{"role": "user", "content": "Hi"}]}
    answer, *frames = create(socket, None, assistant_id=assistant, thread=thread)
    assert names(frames) == ["created", "run.created", "run.queued"]
    messages = created(client.get(f"/v1/threads/{answer['thread_id']}/messages"))
    assert [message["content"][0]["text"]["value"] for message in messages["data"]] == ["Hi"]


@pytest.mark.parametrize("stream", [True, False, None])
def test_whether_a_stream_is_asked_for_makes_no_difference(
    client: TestClient, socket: SocketClient, assistant: str, stream: bool | None
) -> None:
    answer, *frames = create(socket, make_thread(client), assistant_id=assistant, stream=stream)
    assert answer["type"] == "run.created"
    assert frames


MISTAKES: list[dict[str, Any]] = [
    {},
    {"assistant_id": 7},
    {"assistant_id": "asst_unknown"},
    {"assistant_id": "asst_unknown", "colour": "red"},
    {"assistant_id": "{assistant}", "temperature": 3},
    {"assistant_id": "{assistant}", "tools": [{"type": "code_interpreter"}]},
    {"assistant_id": "{assistant}", "tools": [{"type": "function", "function": {}}]},
    {"assistant_id": "{assistant}", "tools": [{"type": "action", "id": "action_unknown"}]},
    {"assistant_id": "{assistant}", "metadata": {"k": "v" * 513}},
    {"assistant_id": "{assistant}", "additional_messages": [{"role": "user", "content": ""}]},
    {"assistant_id": "{assistant}", "multitask_strategy": "sometimes"},
    {"assistant_id": "{assistant}", "tool_choice": {"type": "function", "function": {"name": "x"}}},
]


@pytest.mark.parametrize("body", MISTAKES)
@pytest.mark.parametrize("with_thread", [True, False])
def test_a_mistake_is_told_in_the_words_of_the_http_api(
    client: TestClient,
    socket: SocketClient,
    world: World,
    assistant: str,
    body: dict[str, Any],
    with_thread: bool,
) -> None:
    body = json.loads(json.dumps(body).replace("{assistant}", assistant))
    thread_id = make_thread(client) if with_thread else None
    path = f"/v1/threads/{thread_id}/runs" if thread_id else "/v1/threads/runs"
    response = client.post(path, json=body)
    (answer,) = create(socket, thread_id, **body)
    assert answer == {
        "type": "error",
        "id": "1",
        "status": response.status_code,
        "error": response.json()["error"],
    }
    assert world.queues.steps == []


def test_a_busy_or_missing_thread_is_told_as_over_http(
    client: TestClient, stranger: TestClient, socket: SocketClient, assistant: str
) -> None:
    busy = make_thread(client)
    active = make_run(client, busy, assistant)["id"]
    (answer,) = create(socket, busy, assistant_id=assistant)
    assert answer["error"]["message"] == f"Thread {busy} already has an active run {active}."
    for thread_id in ("thread_unknown", "a#b", make_thread(stranger)):
        (answer,) = create(socket, thread_id, assistant_id=assistant)
        assert answer["status"] == 404
        assert answer["error"] == refused(
            client.post(
                f"/v1/threads/{thread_id.replace('#', '%23')}/runs",
                json={"assistant_id": assistant},
            ),
            404,
        )


def test_an_assistant_of_another_tenant_does_not_run(
    client: TestClient, stranger: TestClient, socket: SocketClient, world: World
) -> None:
    (answer,) = create(socket, make_thread(client), assistant_id=make_assistant(stranger))
    assert answer["status"] == 404
    assert world.queues.steps == []


def test_a_run_may_wait_for_the_one_before_it_and_is_watched_meanwhile(
    client: TestClient, socket: SocketClient, world: World, assistant: str
) -> None:
    thread_id = make_thread(client)
    make_run(client, thread_id, assistant)
    answer, *frames = create(
        socket, thread_id, assistant_id=assistant, multitask_strategy="enqueue"
    )
    assert answer["run"]["status"] == "queued"
    assert names(frames) == ["run.created", "run.queued"]
    assert len(world.queues.steps) == 1


def test_a_request_with_the_same_key_gets_the_same_run_and_its_events(
    client: TestClient, sockets: SocketContext, world: World, project_key: str, assistant: str
) -> None:
    thread_id = make_thread(client, "Hi")
    request = {
        "action": "run.create",
        "thread_id": thread_id,
        "run": {"assistant_id": assistant},
        "idempotency_key": "k1",
    }
    first, second = (SocketClient(world, sockets, f"{name}=") for name in "ab")
    for socket in (first, second):
        assert socket.connect(key=project_key) == 200
    once, *_ = first.say(id="1", **request)
    world.model.turn(*text("Hello."), *stop())
    assert world.deliver_next()
    # The answer was lost with its connection: the client asks again on another one.
    again, *frames = second.say(id="2", **request)
    assert again == once | {"id": "2", "replayed": True}
    assert frames[0]["after"] is None
    assert names(frames)[-1] == "run.completed"
    assert len(created(client.get(f"/v1/threads/{thread_id}/runs"))["data"]) == 1
    (answer,) = second.say(**request | {"run": {"assistant_id": assistant, "model": "other"}})
    assert answer["error"]["code"] == "idempotency_key_reused"


def test_a_run_starts_although_its_client_is_gone(
    client: TestClient,
    socket: SocketClient,
    sockets: SocketContext,
    world: World,
    assistant: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    thread_id = make_thread(client)
    monkeypatch.setattr(world.pusher, "send", lambda _connection, _text: False)
    create(socket, thread_id, assistant_id=assistant)
    (job,) = world.queues.steps
    assert job.thread_id == thread_id
    # Whoever did not get the answer gets no frames either: it asks again.
    assert sockets.subscriptions.of_run(TENANT, thread_id, job.run_id) == []


def test_the_answer_is_waited_for_before_the_connection_is_subscribed(
    client: TestClient,
    socket: SocketClient,
    sockets: SocketContext,
    world: World,
    assistant: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    thread_id = make_thread(client)
    order: list[str] = []
    add, read, send = Subscriptions.add, sockets.event_log.read, world.pusher.send

    def note_add(self: Subscriptions, tenant: str, subscription: Subscription) -> None:
        order.append("register")
        add(self, tenant, subscription)

    def note_read(*given: Any) -> Any:
        order.append("read")
        return read(*given)

    def note_send(connection_id: str, message: str) -> bool:
        order.append("frame" if "events" in json.loads(message) else "answer")
        return send(connection_id, message)

    monkeypatch.setattr(Subscriptions, "add", note_add)
    monkeypatch.setattr(type(sockets.event_log), "read", lambda _self, *given: note_read(*given))
    monkeypatch.setattr(world.pusher, "send", note_send)
    create(socket, thread_id, assistant_id=assistant)
    # What is logged from the registration on is pushed; what was before it, is read after it.
    assert order == ["answer", "read", "frame", "register", "read"]


@pytest.mark.parametrize("lost", ["transaction", "step"])
def test_a_run_is_never_forgotten_wherever_the_function_dies(
    client: TestClient,
    socket: SocketClient,
    world: World,
    assistant: str,
    monkeypatch: pytest.MonkeyPatch,
    lost: str,
) -> None:
    thread_id = make_thread(client, "Hi")

    def die(*_given: Any, **_named: Any) -> None:
        raise SystemExit

    if lost == "step":
        monkeypatch.setattr(run_creation, "set_going", die)
    else:
        monkeypatch.setattr(run_creation, "enter", die)
    with pytest.raises(SystemExit):
        create(socket, thread_id, assistant_id=assistant)
    assert world.queues.steps == []
    assert len(world.queues.checks) == 1
    world.check_next()
    assert len(world.queues.steps) == (1 if lost == "step" else 0)


def test_a_run_that_is_too_large_for_a_frame_goes_by_reference(
    client: TestClient, socket: SocketClient
) -> None:
    thread_id = make_thread(client)
    assistant = make_assistant(client, instructions="x" * 200_000)
    answer, *frames = create(socket, thread_id, assistant_id=assistant)
    assert answer["run"] is None
    assert created(client.get(answer["href"]))["id"] == answer["run_id"]
    assert [event["data"] for frame in frames for event in frame["events"]] == [None, None]


def test_outputs_are_submitted_and_the_run_goes_on(
    client: TestClient, socket: SocketClient, world: World, assistant: str
) -> None:
    thread_id = make_thread(client, "Weather?")
    answer, *_ = create(socket, thread_id, assistant_id=assistant)
    world.model.turn(*call("get_weather", "{}", "call_1"), *stop("tool_calls"))
    assert world.deliver_next()
    named = {"thread_id": thread_id, "run_id": answer["run_id"]}
    submit = {"action": "run.submit_tool_outputs", "id": "2", **named}
    (mistake,) = socket.say(**submit, tool_outputs=[{"tool_call_id": "call_1", "output": 7}])
    assert mistake["error"]["param"] == "tool_outputs[0].output"
    outputs = [{"tool_call_id": "call_1", "output": "sunny"}]
    (done,) = socket.say(**submit, tool_outputs=outputs, idempotency_key="k")
    assert (done["type"], done["id"], done["run"]["status"]) == ("run.updated", "2", "queued")
    assert len(world.queues.steps) == 1
    # Again, as after a lost answer: the same answer, and nothing is done.
    assert socket.say(**submit, tool_outputs=outputs, idempotency_key="k") == [done]
    assert len(world.queues.steps) == 1
    (late,) = socket.say(**submit, tool_outputs=outputs)
    assert late["error"]["message"] == 'Runs in status "queued" do not accept tool outputs.'


def test_a_run_is_cancelled(client: TestClient, socket: SocketClient, assistant: str) -> None:
    answer, *_ = create(socket, make_thread(client), assistant_id=assistant)
    named = {"thread_id": answer["thread_id"], "run_id": answer["run_id"]}
    (done,) = socket.say(action="run.cancel", id="2", **named)
    assert (done["type"], done["run"]["status"]) == ("run.updated", "cancelled")
    (again,) = socket.say(action="run.cancel", **named)
    assert again["error"]["message"] == "Cannot cancel run with status 'cancelled'."


def test_what_belongs_to_another_tenant_is_neither_answered_nor_cancelled(
    client: TestClient, stranger: TestClient, socket: SocketClient, world: World
) -> None:
    foreign = make_thread(stranger)
    run_id = make_run(stranger, foreign, make_assistant(stranger))["id"]
    own = make_thread(client)
    for thread_id in (foreign, own):
        named = {"thread_id": thread_id, "run_id": run_id}
        for request in (
            {"action": "subscribe"},
            {"action": "run.cancel"},
            {"action": "run.submit_tool_outputs", "tool_outputs": []},
        ):
            (answer,) = socket.say(**request, **named)
            assert answer["status"] == 404
    assert created(stranger.get(f"/v1/threads/{foreign}/runs/{run_id}"))["status"] == "queued"


def test_a_ticket_for_a_thread_runs_on_that_thread_alone(
    client: TestClient, sockets: SocketContext, world: World, assistant: str
) -> None:
    own, other = make_thread(client, "Hi"), make_thread(client, "Hi")
    busy = make_run(client, other, assistant)["id"]
    browser = SocketClient(world, sockets, "browser=")
    ticket = created(client.post(TICKETS, json={"thread_id": own}))["ticket"]
    assert browser.connect(ticket=ticket) == 200
    named = {"thread_id": other, "run_id": busy}
    for request in (
        {"action": "run.create", "thread_id": other, "run": {"assistant_id": assistant}},
        {"action": "run.create", "run": {"assistant_id": assistant}},
        {"action": "run.cancel", **named},
        {"action": "run.submit_tool_outputs", "tool_outputs": [], **named},
    ):
        (answer,) = browser.say(**request)
        assert (answer["status"], answer["error"]["code"]) == (403, "thread_not_allowed")
    assert created(client.get(f"/v1/threads/{other}/runs/{busy}"))["status"] == "queued"
    assert len(world.queues.steps) == 1
    answer, *frames = create(browser, own, assistant_id=assistant)
    assert answer["type"] == "run.created"
    assert frames


def test_two_tickets_for_threads_do_not_share_their_idempotency_keys(
    client: TestClient, sockets: SocketContext, world: World, assistant: str
) -> None:
    runs = []
    for name in "ab":
        thread_id = make_thread(client)
        ticket = created(client.post(TICKETS, json={"thread_id": thread_id}))["ticket"]
        browser = SocketClient(world, sockets, f"{name}=")
        browser.connect(ticket=ticket)
        request = {"thread_id": thread_id, "run": {"assistant_id": assistant}}
        answer, *_ = browser.say(action="run.create", idempotency_key="1", **request)
        runs.append(answer["run_id"])
    assert len(set(runs)) == 2
