"""The client on a network that fails: a real server cuts, drops, reorders, doubles and refuses."""

import functools
import logging
import random
import threading
from collections.abc import Callable, Iterator
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
from tests.integration.clients.fronts import (
    AnyClient,
    AnySubscription,
    make_client,
    state_of,
)
from threadrunner_client import (
    AuthenticationError,
    ConnectionLost,
    EventId,
    ProtocolError,
    Timing,
)

pytestmark = pytest.mark.usefixtures("front")
KEY = "tr-very-secret-key"
# Quick, but for what a test does not wait for.
TIMING = Timing(
    first_delay=0.01,
    longest_delay=0.05,
    gap_wait=0.05,
    reply_timeout=PATIENCE_SECONDS,
    give_up_after=PATIENCE_SECONDS,
)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Fail if a client leaves a thread behind."""
    yield
    left = [each for each in threading.enumerate() if each.name.startswith("threadrunner")]
    for thread in left:
        thread.join(PATIENCE_SECONDS)
    assert not any(thread.is_alive() for thread in left)


def client_of(gateway: FakeGateway, timing: Timing = TIMING) -> AnyClient:
    return make_client(gateway.url, KEY, timing=timing)


def follow(client: AnyClient, after: str | None = None) -> AnySubscription:
    return client.subscribe(
        thread_id=THREAD, run_id=RUN, after=after, until="end", timeout=PATIENCE_SECONDS
    )


def read_run(gateway: FakeGateway, timing: Timing = TIMING) -> list[str]:
    """Follow the run to its end; return the ids of its events."""
    with client_of(gateway, timing) as client, follow(client) as events:
        return [each.id for each in events]


def test_a_cut_connection_is_made_anew_and_the_run_goes_on_where_it_was() -> None:
    def script(gateway: FakeGateway) -> None:
        first = gateway.next_connection()
        first.accept(run_id=RUN, after=None)
        first.push(None, event("1-0"), event("1-1"))
        first.cut()
        second = gateway.next_connection()
        request = second.accept(run_id=RUN, after="1-1")
        assert request["thread_id"] == THREAD
        second.push("1-1", event("1-2", "thread.run.completed"))

    with served(script) as gateway:
        assert read_run(gateway) == ["1-0", "1-1", "1-2"]


def test_a_connection_that_the_gateway_closes_in_good_order_is_made_anew_as_well() -> None:
    def script(gateway: FakeGateway) -> None:
        first = gateway.next_connection()
        first.accept()
        first.push(None, event("1-0"))
        first.close()
        second = gateway.next_connection()
        second.accept(after="1-0")
        second.push("1-0", event("1-1", "thread.run.completed"))

    with served(script) as gateway:
        assert read_run(gateway) == ["1-0", "1-1"]


@pytest.mark.fault("socket-cut")
def test_a_run_survives_many_cuts_each_before_anything_new_came() -> None:
    def script(gateway: FakeGateway) -> None:
        for _ in range(5):
            connection = gateway.next_connection()
            connection.expect(action="subscribe", after=None)
            connection.cut()
        last = gateway.next_connection()
        last.accept(after=None)
        last.push(None, event("1-0", "thread.run.completed"))

    with served(script) as gateway:
        assert read_run(gateway) == ["1-0"]


@pytest.mark.fault("push-out")
def test_a_frame_that_was_lost_is_asked_for() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        connection.push(None, event("1-0"))
        connection.push("1-1", event("1-2"))
        request = connection.accept(after="1-0")
        assert request["run_id"] == RUN
        connection.push("1-0", event("1-1"), event("1-2"))
        connection.push("1-2", event("2-0", "thread.run.completed"))

    with served(script) as gateway:
        assert read_run(gateway) == ["1-0", "1-1", "1-2", "2-0"]


def test_frames_that_come_twice_and_in_another_order_come_out_once_and_in_order() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        request = connection.expect(action="subscribe")
        connection.push("2-0", event("2-1", "thread.run.completed"))
        connection.push("1-0", event("2-0"))
        connection.push(None, event("1-0"))
        connection.push(None, event("1-0"))
        connection.push("1-0", event("2-0"))
        connection.confirm(request)

    with served(script) as gateway:
        assert read_run(gateway) == ["1-0", "2-0", "2-1"]


def test_a_subscription_is_renewed_after_a_silence_and_so_finds_a_lost_last_frame() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept(after=None)
        connection.push(None, event("1-0"))
        connection.accept(after="1-0")
        connection.push("1-0", event("1-1", "thread.run.completed"))

    with served(script) as gateway:
        timing = Timing(refresh_interval=0.1)
        assert read_run(gateway, timing) == ["1-0", "1-1"]


def test_a_connection_on_which_nothing_is_answered_is_replaced() -> None:
    def script(gateway: FakeGateway) -> None:
        dead = gateway.next_connection()
        dead.expect(action="subscribe")
        alive = gateway.next_connection()
        alive.accept()
        alive.push(None, event("1-0", "thread.run.completed"))
        dead.wait_until_closed()

    with served(script) as gateway:
        timing = Timing(first_delay=0.01, reply_timeout=0.2)
        assert read_run(gateway, timing) == ["1-0"]


def test_an_old_connection_is_replaced_and_closed_without_a_gap() -> None:
    def script(gateway: FakeGateway) -> None:
        old = gateway.next_connection()
        old.accept(after=None)
        old.push(None, event("1-0"))
        new = gateway.next_connection()
        new.accept(after="1-0")
        old.wait_until_closed()
        new.push("1-0", event("1-1"))
        # From now on the client uses the new one for everything.
        new.accept(run_id="run_2")
        new.push("1-1", event("1-2", "thread.run.completed"))

    # The second connection does not reach the age in the time that this test takes.
    timing = Timing(connection_age=0.5)
    with served(script) as gateway, client_of(gateway, timing) as client:
        events = iter(follow(client))
        assert [next(events).id, next(events).id] == ["1-0", "1-1"]
        client.subscribe(thread_id=THREAD, run_id="run_2")
        assert next(events).id == "1-2"
        assert gateway.handshakes == 2


def test_a_quiet_connection_gets_pings() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        for _ in range(2):
            connection.expect(action="ping")
            connection.say({"type": "pong"})
        connection.push(None, event("1-0", "thread.run.completed"))

    with served(script) as gateway:
        assert read_run(gateway, Timing(ping_interval=0.1)) == ["1-0"]


def test_an_event_that_no_one_waits_for_yet_is_not_lost() -> None:
    pushed = threading.Event()

    def script(gateway: FakeGateway) -> None:
        first = gateway.next_connection()
        first.accept()
        first.push(None, event("1-0"), event("1-1"))
        first.cut()
        second = gateway.next_connection()
        second.accept(after="1-1")
        second.push("1-1", event("1-2", "thread.run.completed"))
        pushed.set()

    with served(script) as gateway, client_of(gateway) as client, follow(client) as events:
        assert pushed.wait(PATIENCE_SECONDS)
        assert [each.id for each in events] == ["1-0", "1-1", "1-2"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_is_an_error_at_once(status: int) -> None:
    with served() as gateway:
        gateway.refusals.append(status)
        with pytest.raises(AuthenticationError, match=f"HTTP {status}"), client_of(gateway):
            pass
        assert gateway.handshakes == 1


def test_a_key_that_is_refused_later_ends_the_subscriptions() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        gateway.refusals.append(401)
        connection.push(None, event("1-0"))
        connection.cut()

    with served(script) as gateway, client_of(gateway) as client:
        events = follow(client)
        came = []
        with pytest.raises(AuthenticationError):
            for each in events:
                came.append(each.id)
        assert came == ["1-0"]
        with pytest.raises(AuthenticationError):
            list(events)
        with pytest.raises(AuthenticationError):
            follow(client)


def test_a_server_that_is_busy_is_tried_again() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        connection.push(None, event("1-0", "thread.run.completed"))

    with served(script) as gateway:
        gateway.refusals.extend([503, 429, 500])
        assert read_run(gateway) == ["1-0"]
        assert gateway.handshakes == 4


def test_an_address_that_is_wrong_is_not_tried_again() -> None:
    with served() as gateway:
        gateway.refusals.append(404)
        with pytest.raises(ConnectionLost, match="HTTP status 404"), client_of(gateway):
            pass
        assert gateway.handshakes == 1


def test_a_server_that_stays_away_is_given_up_with_the_reason() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        connection.push(None, event("1-0"))
        gateway.stop()

    timing = Timing(first_delay=0.01, longest_delay=0.05, give_up_after=0.3)
    with served(script) as gateway, client_of(gateway, timing) as client:
        events = iter(follow(client))
        assert next(events).id == "1-0"
        complaint = r"no working connection for 0\.3 s; the last attempt ended with: .*refused"
        with pytest.raises(ConnectionLost, match=complaint):
            next(events)


def test_a_server_that_breaks_the_protocol_is_an_error() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        connection.push(None, event("1-x"))

    with (
        served(script) as gateway,
        client_of(gateway) as client,
        pytest.raises(ProtocolError, match=r"events\[0\]\.id is wrong"),
    ):
        list(follow(client))


def test_the_key_is_sent_and_appears_nowhere_else(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets.client").setLevel(logging.DEBUG)
    authorizations = []

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        authorizations.append(connection.authorization)
        connection.accept()
        gateway.refusals.append(401)
        connection.cut()

    logging.getLogger("websockets.server").setLevel(logging.WARNING)
    with served(script) as gateway, client_of(gateway) as client:
        with pytest.raises(AuthenticationError) as caught:
            list(follow(client))
        shown = repr(client) + repr(caught.value) + repr(state_of(client))
    assert authorizations == [f"Bearer {KEY}"]
    out, err = capfd.readouterr()
    assert KEY not in caplog.text + shown + out + err
    assert "threadrunner_client" in caplog.text


# --- Everything at once ------------------------------------------------------------------------


class BadServer:
    """Answers from a whole log, over connections that lose, double, reorder and break."""

    def __init__(self, seed: int, create_cuts: float = 0) -> None:
        self._rng = random.Random(seed)
        self._create_cuts = create_cuts
        names = ["thread.message.delta"] * 39 + ["thread.run.completed"]
        ids, epoch, seq = [], 1, 0
        for _ in names:
            ids.append(EventId(epoch, seq))
            epoch, seq = (epoch + 1, 0) if self._rng.random() < 0.2 else (epoch, seq + 1)
        self.ids = [str(each) for each in ids]
        self.keys: set[str] = set()
        self._end_was_pushed = False
        self._events = [event(i, name) for i, name in zip(self.ids, names, strict=True)]

    def __call__(self, gateway: FakeGateway) -> None:
        """Serve until the client was told of the end and has left."""
        while self._serve(gateway.next_connection()):
            pass

    def _serve(self, connection: GatewayConnection) -> bool:
        while True:
            try:
                request = connection.next_request()
            except AssertionError:
                return False
            if request["action"] not in ("subscribe", "run.create"):
                continue
            if request["action"] == "run.create":
                self.keys.add(request["idempotency_key"])
                if self._rng.random() < self._create_cuts:
                    connection.cut()
                    return True
                made = {"thread_id": THREAD, "run_id": RUN, "run": {"id": RUN}, "last": None}
                connection.say({"type": "run.created", "id": request["id"], **made})
            after = request.get("after")
            start = 0 if after is None else self.ids.index(after) + 1
            for action in self._pushes(connection, start):
                action()
                # Who has the end may have left, and does not come back.
                if not self._end_was_pushed and self._rng.random() < 0.02:
                    connection.cut()
                    return True
            if request["action"] == "subscribe":
                connection.confirm(request, last=self.ids[-1])

    def _push(
        self, connection: GatewayConnection, before: str | None, events: list[dict[str, Any]]
    ) -> None:
        self._end_was_pushed = self._end_was_pushed or events[-1]["id"] == self.ids[-1]
        connection.push(before, *events)

    def _pushes(self, connection: GatewayConnection, start: int) -> list[Callable[[], None]]:
        pushes: list[Callable[[], None]] = []
        while start < len(self._events):
            end = start + self._rng.randint(1, 4)
            before = self.ids[start - 1] if start else None
            events = self._events[start:end]
            fate = self._rng.random()
            copies = 0 if fate < 0.1 else 2 if fate < 0.25 else 1
            pushes += [functools.partial(self._push, connection, before, events)] * copies
            start = end
        for _ in range(6):
            if len(pushes) > 1:
                place = self._rng.randrange(len(pushes) - 1)
                pushes[place], pushes[place + 1] = pushes[place + 1], pushes[place]
        return pushes


EVERYTHING = Timing(first_delay=0.01, longest_delay=0.02, gap_wait=0.02, longest_gap_wait=0.05)


@pytest.mark.parametrize("seed", range(8))
def test_a_run_is_read_once_and_in_order_through_everything_at_once(seed: int) -> None:
    server = BadServer(seed)
    with served(server) as gateway:
        assert read_run(gateway, EVERYTHING) == server.ids


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.fault("socket-cut")
def test_a_run_is_created_once_and_read_once_through_everything_at_once(seed: int) -> None:
    server = BadServer(seed, create_cuts=0.5)
    with served(server) as gateway, client_of(gateway, EVERYTHING) as client:
        events = client.create_run(run={"assistant_id": "asst_1"}, timeout=PATIENCE_SECONDS)
        assert [each.id for each in events] == server.ids
    assert len(server.keys) == 1
