"""Pushes batches to WebSocket connections, without holding up whoever wrote them.

    publish ─▶ waiting batches of a run ─▶ fan-out: who watches? ─▶ a lane per connection ─▶ workers

Each stage is bounded, and what it cannot keep up with it joins: while the workers are busy, the
fan-out waits, and the batches that come meanwhile go out together, after one look at who watches. A
connection that takes no frame in time goes on with the slow ones, who have workers of their own.
What is not delivered is not lost: it is in the log, and a client sees the gap.
"""

import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from adapters.aws import PUSH_CONNECTIONS, SLOW_PUSH_CONNECTIONS
from adapters.dynamodb.subscriptions import Subscriptions
from adapters.push_gateway import Posted, PushGateway
from adapters.push_lanes import Lane, pack, spelled
from core.event_log import Batch

if TYPE_CHECKING:
    from types_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient

# If not even the look at who watches keeps up, the oldest are left to the log.
MAX_WAITING_BATCHES: Final = 200
FIRST_REST_SECONDS: Final = 0.25
LONGEST_REST_SECONDS: Final = 5.0
_SEND_ATTEMPTS: Final = 3
_SEND_PAUSE_SECONDS: Final = 0.1

# A run's tenant, thread and id.
Watched = tuple[str, str, str]


class Pusher:
    """Fans batches out to the connections that watch their run.

    Args:
        client: an API Gateway management client.
        subscriptions: who watches what.
        workers: how many connections are served at once.
        slow_workers: how many of those that failed to take something, besides.
    """

    def __init__(
        self,
        client: "ApiGatewayManagementApiClient",
        subscriptions: Subscriptions,
        workers: int = PUSH_CONNECTIONS,
        slow_workers: int = SLOW_PUSH_CONNECTIONS,
    ) -> None:
        self._gateway = PushGateway(client)
        self._subscriptions = subscriptions
        self._workers = workers
        self._order = ThreadPoolExecutor(1, thread_name_prefix="fan-out")
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="push")
        self._slow_pool = ThreadPoolExecutor(slow_workers, thread_name_prefix="push-slow")
        # Guards everything below, and tells of its changes.
        self._changed = threading.Condition()
        self._waiting: dict[Watched, deque[Batch]] = {}
        self._fanning_out = False
        self._lanes: dict[str, Lane] = {}
        # Lanes that wait for a worker of the fast pool.
        self._queued = 0
        self._draining = 0
        self.failures = 0

    def publish(self, tenant: str, thread_id: str, run_id: str, batch: Batch) -> None:
        """Push a batch that has been logged; returns at once."""
        with self._changed:
            run = (tenant, thread_id, run_id)
            batches = self._waiting.setdefault(run, deque(maxlen=MAX_WAITING_BATCHES))
            batches.append(batch)
            if self._fanning_out:
                return
            self._fanning_out = True
        self._order.submit(self._fan_out)

    def send(self, connection_id: str, text: str) -> bool:
        """Push one text to one connection, and wait for that; tell whether it was delivered.

        What cannot be delivered for the moment is tried again, for some seconds at most.
        """
        data = text.encode()
        for attempt in range(_SEND_ATTEMPTS):
            if attempt:
                time.sleep(_SEND_PAUSE_SECONDS * 2**attempt)
            posted = self._gateway.post(connection_id, data)
            if posted is Posted.DELIVERED:
                return True
            if posted is Posted.GONE:
                self._forget(connection_id)
                return False
            if posted is Posted.REFUSED:
                break
        self._count_failure()
        return False

    def drain(self, timeout_seconds: float) -> bool:
        """Wait until all is pushed; tell whether it was in time.

        A function must do so before it returns: Lambda freezes its threads. Slow connections get
        one more chance, at once; what is still there when the time is over is left to the log.
        """
        with self._changed:
            self._draining += 1
            self._changed.notify_all()
            in_time = self._changed.wait_for(lambda: self._is_idle, timeout_seconds)
            self._draining -= 1
            if not in_time:
                self._waiting.clear()
                for lane in self._lanes.values():
                    lane.take()
            return in_time

    @property
    def _is_idle(self) -> bool:
        return not (self._fanning_out or self._lanes)

    def _fan_out(self) -> None:
        while (run := self._next_run()) is not None:
            try:
                self._fan_out_run(*run)
            except Exception:
                # Whatever it is: the next batch must find somebody who sees to it.
                self._count_failure()

    def _next_run(self) -> tuple[Watched, deque[Batch]] | None:
        """Return a run with all of its batches that wait, once there are workers for them."""
        with self._changed:
            self._changed.wait_for(lambda: self._queued < self._workers)
            if not self._waiting:
                self._fanning_out = False
                self._changed.notify_all()
                return None
            run = next(iter(self._waiting))
            return run, self._waiting.pop(run)

    def _fan_out_run(self, run: Watched, batches: deque[Batch]) -> None:
        tenant, thread_id, run_id = run
        # All of them were logged before this look: who registers after it reads them in the log.
        connections = self._subscriptions.of_run(tenant, thread_id, run_id)
        if not connections:
            return
        parcel = pack(thread_id, run_id, batches)
        for connection_id in connections:
            with self._changed:
                is_new = connection_id not in self._lanes
                lane = self._lanes.setdefault(connection_id, Lane())
                lane.add(parcel)
                if is_new:
                    self._queue(connection_id, lane)

    def _queue(self, connection_id: str, lane: Lane) -> None:
        self._queued += 1
        self._pool.submit(self._serve, connection_id, lane)

    def _serve(self, connection_id: str, lane: Lane) -> None:
        """Deliver what waits in a lane; more than that waits for another turn."""
        with self._changed:
            self._queued -= 1
            self._changed.notify_all()
        if self._deliver(connection_id, lane) is Posted.LATER:
            self._slow_pool.submit(self._serve_slowly, connection_id, lane)

    def _serve_slowly(self, connection_id: str, lane: Lane) -> None:
        """Deliver what waits in a lane whose connection did not take it, with ever longer rests."""
        rest = FIRST_REST_SECONDS
        while True:
            with self._changed:
                is_last = self._changed.wait_for(lambda: self._draining > 0, rest)
            if self._deliver(connection_id, lane) is not Posted.LATER:
                return
            if is_last:
                self._drop(connection_id)
                return
            rest = min(rest * 2, LONGEST_REST_SECONDS)

    def _deliver(self, connection_id: str, lane: Lane) -> Posted:
        """Deliver what waits in a lane.

        If that worked, the lane is gone, or waits for another turn; after `LATER`, all that was
        to be delivered is back in it, and the caller sees to it.
        """
        with self._changed:
            parcels = lane.take()
        for text in spelled(parcels):
            posted = self._gateway.post(connection_id, text)
            if posted is Posted.DELIVERED:
                continue
            self._count_failure()
            if posted is Posted.LATER:
                # Some of it may come twice, which the client drops.
                with self._changed:
                    lane.put_back(parcels)
                return posted
            if posted is Posted.GONE:
                self._forget(connection_id)
                self._drop(connection_id)
                return posted
        with self._changed:
            if lane.parcels:
                self._queue(connection_id, lane)
            else:
                self._drop(connection_id)
        return Posted.DELIVERED

    def _drop(self, connection_id: str) -> None:
        with self._changed:
            del self._lanes[connection_id]
            self._changed.notify_all()

    def _forget(self, connection_id: str) -> None:
        try:
            self._subscriptions.disconnect(connection_id)
        except (ClientError, BotoCoreError):
            # It stays until its TTL, or until the next push finds it gone again.
            self._count_failure()

    def _count_failure(self) -> None:
        with self._changed:
            self.failures += 1
