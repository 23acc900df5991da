"""Pushes batches to WebSocket connections, without holding up whoever wrote them.

A connection gets its frames one after the other; connections are served side by side, within a
bound. What is not delivered is not lost: it is in the log, and a client sees the gap.
"""

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from adapters.aws import PUSH_CONNECTIONS
from adapters.dynamodb.subscriptions import Subscriptions
from core.event_log import Batch
from core.frames import frames

if TYPE_CHECKING:
    from types_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient

# A connection this far behind is dropped from live pushing until it has caught up from the log.
MAX_WAITING_FRAMES = 200


class Pusher:
    """Fans batches out to the connections that watch their run.

    Args:
        client: an API Gateway management client.
        subscriptions: who watches what.
        workers: how many connections are served at once.
    """

    def __init__(
        self,
        client: "ApiGatewayManagementApiClient",
        subscriptions: Subscriptions,
        workers: int = PUSH_CONNECTIONS,
    ) -> None:
        self._client = client
        self._subscriptions = subscriptions
        self._order = ThreadPoolExecutor(1, thread_name_prefix="fan-out")
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="push")
        self._lanes: dict[str, deque[str]] = {}
        self._pending: set[Future[None]] = set()
        self._lock = threading.Lock()
        self.failures = 0

    def publish(self, tenant: str, thread_id: str, run_id: str, batch: Batch) -> None:
        """Push a batch that has been logged; returns at once."""
        self._track(self._order.submit(self._fan_out, tenant, thread_id, run_id, batch))

    def send(self, connection_id: str, text: str) -> None:
        """Push one text to one connection, after what waits for it already; returns at once."""
        with self._lock:
            lane = self._lanes.get(connection_id)
            if lane is not None:
                if len(lane) >= MAX_WAITING_FRAMES:
                    lane.clear()
                lane.append(text)
                return
            self._lanes[connection_id] = deque([text])
        self._track(self._pool.submit(self._serve, connection_id))

    def drain(self, timeout_seconds: float) -> bool:
        """Wait until all is pushed; tell whether it was in time.

        A function must do so before it returns: Lambda freezes its threads.
        """
        with self._lock:
            first = set(self._pending)
        _, late = wait(first, timeout_seconds)
        with self._lock:
            rest = set(self._pending)
        _, later = wait(rest, timeout_seconds)
        return not late and not later

    def _fan_out(self, tenant: str, thread_id: str, run_id: str, batch: Batch) -> None:
        try:
            connections = self._subscriptions.of_run(tenant, thread_id, run_id)
        except (ClientError, BotoCoreError):
            self.failures += 1
            return
        if not connections:
            return
        texts = frames(thread_id, run_id, batch)
        for connection_id in connections:
            for text in texts:
                self.send(connection_id, text)

    def _serve(self, connection_id: str) -> None:
        while True:
            with self._lock:
                lane = self._lanes[connection_id]
                if not lane:
                    del self._lanes[connection_id]
                    return
                text = lane.popleft()
            if not self._post(connection_id, text):
                with self._lock:
                    del self._lanes[connection_id]
                return

    def _post(self, connection_id: str, text: str) -> bool:
        """Push one text; tell whether the connection is still there."""
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=text.encode())
        except self._client.exceptions.GoneException:
            self._forget(connection_id)
            return False
        except (ClientError, BotoCoreError):
            self.failures += 1
        return True

    def _forget(self, connection_id: str) -> None:
        try:
            self._subscriptions.disconnect(connection_id)
        except (ClientError, BotoCoreError):
            # It stays until its TTL, or until the next push finds it gone again.
            self.failures += 1

    def _track(self, future: "Future[None]") -> None:
        with self._lock:
            self._pending.add(future)
        future.add_done_callback(self._untrack)

    def _untrack(self, future: "Future[None]") -> None:
        with self._lock:
            self._pending.discard(future)
