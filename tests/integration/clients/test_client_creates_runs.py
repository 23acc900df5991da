"""Runs that are created over the socket: each once, and followed from its first event on."""

import threading
from typing import Any

import pytest

from tests.integration.clients.fake_gateway import (
    PATIENCE_SECONDS,
    RUN,
    THREAD,
    FakeGateway,
    GatewayConnection,
    event,
    served,
)
from tests.integration.clients.fronts import AnyClient, make_client
from threadrunner_client import ConnectionLost, RunCreationError, Timing

pytestmark = pytest.mark.usefixtures("front")
TIMING = Timing(first_delay=0.01, longest_delay=0.05, gap_wait=0.05, reply_timeout=PATIENCE_SECONDS)
BODY = {"assistant_id": "asst_1", "metadata": {"why": "Grüße"}}
DONE = event("1-2", "thread.run.completed")


def client_of(gateway: FakeGateway, timing: Timing = TIMING) -> AnyClient:
    return make_client(gateway.url, "tr-key", timing=timing)


def confirm(
    connection: GatewayConnection, request: dict[str, Any], last: str | None = None
) -> None:
    """Answer that the run was created."""
    connection.say(
        {
            "type": "run.created",
            "id": request["id"],
            "thread_id": THREAD,
            "run_id": RUN,
            "run": {"id": RUN, "object": "thread.run", "thread_id": THREAD},
            "last": last,
        }
    )


def test_a_run_is_created_and_followed_from_its_first_event() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        request = connection.expect(action="run.create", thread_id=THREAD, run=BODY)
        assert request["idempotency_key"]
        confirm(connection, request)
        connection.push(None, event("1-0", "thread.run.created"), event("1-1"))
        connection.push("1-1", DONE)

    with (
        served(script) as gateway,
        client_of(gateway) as client,
        client.create_run(thread_id=THREAD, run=BODY) as events,
    ):
        assert (events.thread_id, events.run_id) == (THREAD, RUN)
        assert events.run == {"id": RUN, "object": "thread.run", "thread_id": THREAD}
        assert [each.id for each in events] == ["1-0", "1-1", "1-2"]


def test_a_thread_is_created_with_its_run_if_none_is_named() -> None:
    body = BODY | {"thread": {"messages": [{"role": "user", "content": "Hi"}]}}

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        confirm(connection, connection.expect(action="run.create", thread_id=None, run=body))
        connection.push(None, DONE)

    with served(script) as gateway, client_of(gateway) as client:
        events = client.create_run(run=body)
        assert (events.thread_id, events.run_id) == (THREAD, RUN)
        assert [each.id for each in events] == ["1-2"]


def test_a_request_whose_answer_was_lost_is_repeated_with_the_same_key() -> None:
    requests = []

    def script(gateway: FakeGateway) -> None:
        for _ in range(3):
            connection = gateway.next_connection()
            requests.append(connection.expect(action="run.create"))
            connection.cut()
        connection = gateway.next_connection()
        requests.append(connection.expect(action="run.create"))
        confirm(connection, requests[-1], last="1-1")
        # After a repetition the client asks for itself, to be sure of this connection.
        connection.accept(run_id=RUN, after=None)
        connection.push(None, event("1-0"), event("1-1"))
        connection.push("1-1", DONE)

    with served(script) as gateway, client_of(gateway) as client:
        events = client.create_run(thread_id=THREAD, run=BODY)
        assert [each.id for each in events] == ["1-0", "1-1", "1-2"]
    assert all(request == requests[0] for request in requests)


def test_two_runs_have_two_keys_but_for_one_that_the_caller_names() -> None:
    keys = []

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        for _ in range(3):
            request = connection.expect(action="run.create")
            keys.append(request["idempotency_key"])
            confirm(connection, request)

    with served(script) as gateway, client_of(gateway) as client:
        client.create_run(run=BODY)
        client.create_run(run=BODY)
        client.create_run(run=BODY, idempotency_key="mine")
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_a_run_that_was_created_goes_on_over_the_next_connection_where_it_was() -> None:
    def script(gateway: FakeGateway) -> None:
        first = gateway.next_connection()
        confirm(first, first.expect(action="run.create"))
        first.push(None, event("1-0"))
        first.cut()
        second = gateway.next_connection()
        second.accept(thread_id=THREAD, run_id=RUN, after="1-0")
        second.push("1-0", event("1-1"), DONE)

    with served(script) as gateway, client_of(gateway) as client:
        events = client.create_run(thread_id=THREAD, run=BODY)
        assert [each.id for each in events] == ["1-0", "1-1", "1-2"]


def test_events_that_came_before_the_answer_are_asked_for() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        request = connection.expect(action="run.create")
        connection.push(None, event("1-0"), event("1-1"))
        confirm(connection, request, last="1-1")
        connection.accept(run_id=RUN, after=None)
        connection.push(None, event("1-0"), event("1-1"), DONE)

    with served(script) as gateway, client_of(gateway) as client:
        events = client.create_run(thread_id=THREAD, run=BODY)
        assert [each.id for each in events] == ["1-0", "1-1", "1-2"]


def test_a_refusal_is_an_error_with_the_servers_words_and_leaves_the_others_alone() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        request = connection.expect(action="run.create")
        error = {
            "message": "No assistant found.",
            "type": "invalid_request_error",
            "param": "assistant_id",
            "code": None,
        }
        connection.say({"type": "error", "error": error, "id": request["id"]})
        confirm(connection, connection.expect(action="run.create"))
        connection.push(None, DONE)

    with served(script) as gateway, client_of(gateway) as client:
        with pytest.raises(RunCreationError, match="No assistant found") as caught:
            client.create_run(thread_id=THREAD, run=BODY)
        assert (caught.value.code, caught.value.param) == (None, "assistant_id")
        assert [each.id for each in client.create_run(thread_id=THREAD, run=BODY)] == ["1-2"]


def test_a_server_that_never_answers_is_given_up() -> None:
    timing = Timing(first_delay=0.01, reply_timeout=0.05, give_up_after=0.3)

    def script(gateway: FakeGateway) -> None:
        for request in (connection := gateway.next_connection()).requests():
            assert request["action"] == "run.create"
            # Something, so that the connection is not taken for dead, but no answer.
            connection.say({"type": "pong"})

    with (
        served(script) as gateway,
        client_of(gateway, timing) as client,
        pytest.raises(ConnectionLost, match=r"did not answer a request for 0\.3 s"),
    ):
        client.create_run(run=BODY)


def test_a_large_request_arrives_whole_in_frames_that_the_gateway_takes() -> None:
    body = BODY | {"instructions": "Be brief. " * 10_000}

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        request = connection.expect(action="run.create", run=body)
        assert max(connection.frame_sizes) <= 32 * 1024
        confirm(connection, request)
        connection.push(None, DONE)

    with served(script) as gateway, client_of(gateway) as client:
        assert len(list(client.create_run(run=body))) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "complaint"),
    [
        ({"thread_id": "", "run": {}}, ValueError, "empty id or key"),
        ({"idempotency_key": "", "run": {}}, ValueError, "empty id or key"),
        ({"run": {"instructions": "x" * 131_072}}, ValueError, "create the run over HTTP"),
        ({"run": {"temperature": float("nan")}}, ValueError, "not JSON compliant"),
        ({"run": {"tools": {1, 2}}}, TypeError, "not JSON serializable"),
        ({"run": {}, "until": "later"}, ValueError, "until is 'later'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    arguments: dict[str, Any], error: type[Exception], complaint: str
) -> None:
    with (
        served() as gateway,
        client_of(gateway) as client,
        pytest.raises(error, match=complaint),
    ):
        client.create_run(**arguments)


def test_what_is_sent_is_the_run_as_it_was_when_it_was_asked_for() -> None:
    changed = threading.Event()
    body: dict[str, Any] = {"metadata": {"n": "1"}}

    def script(gateway: FakeGateway) -> None:
        first = gateway.next_connection()
        first.expect(action="run.create", run={"metadata": {"n": "1"}})
        body["metadata"]["n"] = "2"
        changed.set()
        first.cut()
        second = gateway.next_connection()
        confirm(second, second.expect(action="run.create", run={"metadata": {"n": "1"}}))

    with served(script) as gateway, client_of(gateway) as client:
        client.create_run(run=body)
        assert changed.is_set()
