"""A gateway that takes pushes as a test tells it to, and who watches, without any table."""

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from adapters.dynamodb.subscriptions import Subscriptions
from adapters.push import Pusher
from tests.support.protocol import check_message
from threadrunner_client.ordering import EventOrder


class Gone(ClientError):
    """The connection is closed."""


def gone() -> Exception:
    """Return what the gateway answers for a connection that is closed."""
    return Gone({"Error": {"Code": "GoneException"}}, "PostToConnection")


def throttled() -> Exception:
    """Return what the gateway answers if too much is pushed."""
    metadata: Any = {"HTTPStatusCode": 429}
    error: Any = {"Code": "LimitExceededException"}
    return ClientError({"Error": error, "ResponseMetadata": metadata}, "PostToConnection")


def timed_out() -> Exception:
    """Return what boto3 raises when the gateway does not answer."""
    return ReadTimeoutError(endpoint_url="https://push.test")


class FakeGateway:
    """Stands in for boto3's client.

    Attributes:
        posted: what was delivered, by connection.
        attempts: how many posts were tried, by connection.
        faults: per connection, what is raised by the next posts, in order.
        always: per connection, what each post raises.
        stuck: per connection, what a post waits for.
        began: is told of each post before anything else happens.
    """

    class exceptions:
        """Typed errors of the client."""

        GoneException = Gone

    def __init__(self) -> None:
        self.posted: dict[str, list[bytes]] = defaultdict(list)
        self.attempts: dict[str, int] = defaultdict(int)
        self.faults: dict[str, list[Exception]] = defaultdict(list)
        self.always: dict[str, Callable[[], Exception]] = {}
        self.stuck: dict[str, threading.Event] = {}
        self._changed = threading.Condition()

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:
        """Take a frame, or do what the test wants instead."""
        with self._changed:
            self.attempts[ConnectionId] += 1
            self._changed.notify_all()
        if ConnectionId in self.stuck:
            self.stuck[ConnectionId].wait()
        if self.faults[ConnectionId]:
            raise self.faults[ConnectionId].pop(0)
        if ConnectionId in self.always:
            raise self.always[ConnectionId]()
        with self._changed:
            self.posted[ConnectionId].append(Data)
            self._changed.notify_all()

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Return once something holds that pushes bring about; fail if nothing does."""
        with self._changed:
            assert self._changed.wait_for(holds, 30), "what was to be pushed was not"

    def frames(self, connection_id: str) -> list[dict[str, Any]]:
        """Return the frames that a connection got."""
        return [_read(data) for data in self.posted[connection_id]]

    def order(self, connection_id: str, run_id: str) -> tuple[list[str], EventOrder]:
        """Return the ids of the events that a client has then, and what puts them in order."""
        order = EventOrder(run_id)
        events = [
            event.id
            for frame in self.frames(connection_id)
            if frame["run_id"] == run_id
            for event in order.push(frame)
        ]
        return events, order


@lru_cache(maxsize=2000)
def _read(data: bytes) -> dict[str, Any]:
    """Return a frame that is as it is documented."""
    frame: dict[str, Any] = json.loads(data)
    check_message(frame)
    return frame


class FakeSubscriptions(Subscriptions):
    """Connections that watch every run.

    Attributes:
        connections: who watches.
        looks: how often somebody asked who watches.
        looked: is set by each of them.
        gone: the connections that were forgotten.
        held: what a look waits for.
        failing: whether a look fails.
    """

    def __init__(self, connections: Sequence[str]) -> None:
        self.connections = list(connections)
        self.failing = False
        self.looks = 0
        self.looked = threading.Event()
        self.gone: list[str] = []
        self.held: threading.Event | None = None

    def of_run(self, tenant: str, thread_id: str, run_id: str) -> list[str]:
        self.looks += 1
        self.looked.set()
        if self.held is not None:
            self.held.wait()
        if self.failing:
            raise BotoCoreError
        return list(self.connections)

    def disconnect(self, connection_id: str) -> None:
        self.gone.append(connection_id)
        self.connections.remove(connection_id)


def pusher_of(gateway: FakeGateway, subscriptions: Subscriptions, **options: Any) -> Pusher:
    """Return a pusher to a gateway that is none."""
    client: Any = gateway
    return Pusher(client, subscriptions, **options)
