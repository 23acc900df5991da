"""How callers use a client: loops and where they end, several threads, and its mistakes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.clients.fake_gateway import (
    PATIENCE_SECONDS,
    RUN,
    THREAD,
    FakeGateway,
    event,
    served,
)
from tests.integration.clients.fronts import AnyClient, make_client
from threadrunner_client import (
    ConnectionLost,
    StreamTimeout,
    SubscriptionError,
    Timing,
)

pytestmark = pytest.mark.usefixtures("front")
TIMING = Timing(
    reply_timeout=PATIENCE_SECONDS, give_up_after=PATIENCE_SECONDS, gap_wait=PATIENCE_SECONDS
)
NOT_OPEN = "use it in an? `(async )?with` statement"
DONE = event("9-0", "thread.run.completed")


def client_of(gateway: FakeGateway) -> AnyClient:
    return make_client(gateway.url, "tr-key", timing=TIMING)


def one_answer(gateway: FakeGateway) -> None:
    """Serve one run that consists of its end."""
    connection = gateway.next_connection()
    connection.accept()
    connection.push(None, DONE)


def test_an_event_has_its_id_its_name_and_its_data() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept(thread_id=THREAD, run_id=RUN, after="1-0")
        delta = {"content": [{"index": 0, "type": "text", "text": {"value": "Grüße"}}]}
        connection.push("1-0", event("2-0", "thread.message.delta", delta=delta), DONE)

    with (
        served(script) as gateway,
        client_of(gateway) as client,
        client.subscribe(thread_id=THREAD, run_id=RUN, after="1-0") as events,
    ):
        first, last = events
    assert (first.id, first.event) == ("2-0", "thread.message.delta")
    assert first.data["delta"]["content"][0]["text"]["value"] == "Grüße"
    assert (first.run_id, first.thread_id) == (RUN, THREAD)
    assert (last.id, events.last) == ("9-0", "9-0")


def test_a_loop_ends_where_the_run_waits_and_the_next_loop_goes_on() -> None:
    submitted = threading.Event()

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        connection.push(None, event("1-0"), event("1-1", "thread.run.requires_action"))
        assert submitted.wait(PATIENCE_SECONDS)
        connection.push("1-1", event("2-0", "thread.run.queued"), DONE)

    with (
        served(script) as gateway,
        client_of(gateway) as client,
        client.subscribe(thread_id=THREAD, run_id=RUN) as events,
    ):
        assert [each.id for each in events] == ["1-0", "1-1"]
        submitted.set()
        assert [each.id for each in events] == ["2-0", "9-0"]
        for _ in range(2):
            assert list(events) == []


def test_a_loop_that_stays_passes_over_the_wait_for_outputs() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        connection.push(None, event("1-0", "thread.run.requires_action"))
        connection.push("1-0", DONE)

    with served(script) as gateway, client_of(gateway) as client:
        events = client.subscribe(thread_id=THREAD, run_id=RUN, until="end")
        assert [each.id for each in events] == ["1-0", "9-0"]


def test_a_thread_is_followed_run_after_run_until_its_subscription_is_closed() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept(thread_id=THREAD, run_id=None)
        connection.push(None, event("1-0", "thread.run.completed"), run="run_1")
        connection.push(None, event("1-0", "thread.run.failed"), run="run_2")
        connection.expect(action="unsubscribe", thread_id=THREAD, run_id=None)

    with served(script) as gateway, client_of(gateway) as client:
        seen = []
        with client.subscribe(thread_id=THREAD) as events:
            for each in events:
                seen.append((each.run_id, each.event))
                if len(seen) == 2:
                    events.close()
        assert seen == [("run_1", "thread.run.completed"), ("run_2", "thread.run.failed")]


def test_a_loop_over_a_thread_can_end_with_each_run() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        for run in ("run_1", "run_2"):
            connection.push(None, event("1-0"), DONE, run=run)

    with served(script) as gateway, client_of(gateway) as client:
        events = client.subscribe(thread_id=THREAD, until="end")
        assert [each.run_id for each in events] == ["run_1", "run_1"]
        assert [each.run_id for each in events] == ["run_2", "run_2"]


def test_subscribing_returns_when_the_server_knows_of_it_and_not_before() -> None:
    asked, confirmed = threading.Event(), threading.Event()

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        request = connection.expect(action="subscribe")
        asked.set()
        # There is no moment at which a call has certainly not returned: this is time to do so.
        assert not returned.wait(0.2)
        confirmed.set()
        connection.confirm(request)
        assert returned.wait(PATIENCE_SECONDS)

    returned = threading.Event()
    with served(script) as gateway, client_of(gateway) as client:
        client.subscribe(thread_id=THREAD)
        assert asked.is_set()
        assert confirmed.is_set()
        returned.set()


def test_threads_share_one_connection_and_each_gets_its_own_events() -> None:
    runs = [f"run_{number}" for number in range(8)]

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        wanted = [connection.accept()["run_id"] for _ in runs]
        assert sorted(wanted) == runs
        for seq in range(50):
            for run in runs:
                before = f"1-{seq - 1}" if seq else None
                connection.push(before, event(f"1-{seq}", run=run), run=run)
        for run in runs:
            connection.push("1-49", DONE, run=run)

    with served(script) as gateway, client_of(gateway) as client:

        def read(run: str) -> list[dict[str, Any]]:
            with client.subscribe(thread_id=THREAD, run_id=run) as events:
                return [each.data for each in events]

        with ThreadPoolExecutor(len(runs)) as pool:
            for run, came in zip(runs, pool.map(read, runs), strict=True):
                assert came == [{"run": run}] * 50 + [{}]
        assert gateway.handshakes == 1


def test_two_subscriptions_to_one_run_both_get_all_of_it() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        connection.push(None, event("1-0"))
        connection.accept(after=None)
        connection.push(None, event("1-0"))
        connection.push("1-0", DONE)

    with served(script) as gateway, client_of(gateway) as client:
        one = client.subscribe(thread_id=THREAD, run_id=RUN)
        two = client.subscribe(thread_id=THREAD, run_id=RUN)
        assert [each.id for each in one] == [each.id for each in two] == ["1-0", "9-0"]


def test_a_run_can_be_left_and_taken_up_again_at_once() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        connection.push(None, event("1-0"), event("1-1"))
        connection.expect(action="unsubscribe", run_id=RUN)
        connection.say({"type": "unsubscribed", "thread_id": THREAD, "run_id": RUN})
        connection.accept(run_id=RUN, after="1-0")
        connection.push("1-0", event("1-1"), DONE)

    with served(script) as gateway, client_of(gateway) as client:
        with client.subscribe(thread_id=THREAD, run_id=RUN) as events:
            for each in events:
                assert each.id == "1-0"
                break
        again = client.subscribe(thread_id=THREAD, run_id=RUN, after=events.last)
        assert [each.id for each in again] == ["1-1", "9-0"]


def test_a_refused_subscription_is_an_error_with_the_servers_words() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        request = connection.expect(action="subscribe")
        error = {
            "message": "No run found with id 'run_1'.",
            "code": None,
            "type": "x",
            "param": "y",
        }
        connection.say({"type": "error", "error": error, "id": request["id"]})
        connection.accept(run_id="run_2")
        connection.push(None, DONE, run="run_2")

    with served(script) as gateway, client_of(gateway) as client:
        with pytest.raises(SubscriptionError, match="No run found with id 'run_1'") as caught:
            client.subscribe(thread_id=THREAD, run_id=RUN)
        assert caught.value.code is None
        # Another subscription is not affected.
        events = client.subscribe(thread_id=THREAD, run_id="run_2")
        assert [each.id for each in events] == ["9-0"]


def test_a_loop_without_events_ends_with_a_timeout_and_can_be_taken_up_again() -> None:
    timed_out = threading.Event()

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        assert timed_out.wait(PATIENCE_SECONDS)
        connection.push(None, DONE)

    with served(script) as gateway, client_of(gateway) as client:
        events = client.subscribe(thread_id=THREAD, run_id=RUN, timeout=0.05)
        with pytest.raises(StreamTimeout, match=r"No event came for 0\.05 s\."):
            list(events)
        timed_out.set()
        came: list[str] = []
        while not came:
            try:
                came = [each.id for each in events]
            except StreamTimeout:
                continue
        assert came == ["9-0"]


def test_closing_the_client_ends_the_loops_of_other_threads() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        connection.push(None, event("1-0"))
        connection.wait_until_closed()

    with served(script) as gateway, ThreadPoolExecutor(1) as pool, client_of(gateway) as client:
        events = iter(client.subscribe(thread_id=THREAD, run_id=RUN))
        assert next(events).id == "1-0"
        rest = pool.submit(list, events)
        client.close()
        assert rest.result(PATIENCE_SECONDS) == []


def test_a_client_that_is_closed_or_not_yet_open_takes_no_subscription() -> None:
    with served(one_answer) as gateway:
        client = client_of(gateway)
        with pytest.raises(ConnectionLost, match=NOT_OPEN):
            client.subscribe(thread_id=THREAD)
        with client:
            assert len(list(client.subscribe(thread_id=THREAD, run_id=RUN))) == 1
        with pytest.raises(ConnectionLost, match=NOT_OPEN):
            client.subscribe(thread_id=THREAD)
        client.close()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"thread_id": ""}, "empty id"),
        ({"thread_id": THREAD, "run_id": ""}, "empty id"),
        ({"thread_id": THREAD, "after": "1-0"}, "`after` needs a run_id"),
        ({"thread_id": THREAD, "run_id": RUN, "after": "1"}, "'1' is not an event id"),
        ({"thread_id": THREAD, "until": "later"}, "until is 'later', which is none of pause, end"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    arguments: dict[str, Any], complaint: str
) -> None:
    with (
        served() as gateway,
        client_of(gateway) as client,
        pytest.raises(ValueError, match=complaint),
    ):
        client.subscribe(**arguments)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("https://example.org", "does not begin with wss://"),
        ("wss://", "does not begin with wss://"),
        ("wss://user:password@example.org", "neither a user name nor a fragment"),
        ("wss://example.org/#x", "neither a user name nor a fragment"),
    ],
)
def test_an_address_that_is_not_one_of_a_websocket_is_refused(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        make_client(url, "tr-key")
    assert "password" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "tr-secret\n", "tr-secret key", "tr-sécret"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match="The API key is empty or contains") as caught:
        make_client("wss://example.org", key)
    assert "tr-s" not in str(caught.value)
