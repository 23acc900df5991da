"""Pushes batches to WebSocket connections, without holding up whoever wrote them.

    publish ─▶ waiting batches of a run ─▶ fan-out: who watches? ─▶ a lane per connection ─▶ workers

Who watches is looked up a few times a second, not with every batch (`core.audience`).
Each stage is bounded, and what it cannot keep up with it joins: while the workers are busy, the
fan-out waits, and the batches that come meanwhile go out together, after one look at who watches. A
connection that takes no frame in time goes on with the slow ones, who have workers of their own.
What is not delivered is not lost: it is in the log, and a client sees the gap.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from adapters.aws import PUSH_CONNECTIONS, SLOW_PUSH_CONNECTIONS
from adapters.dynamodb.subscriptions import Subscriptions
from adapters.push_gateway import Posted, PushGateway
from adapters.push_lanes import Lane, pack, spelled
from core.audience import Audience, Watched
from core.event_log import Batch

if TYPE_CHECKING:
    from types_boto3_apigatewaymanagementapi.client import ApiGatewayManagementApiClient

# If not even the look at who watches keeps up, the oldest are left to the log.
MAX_WAITING_BATCHES: Final = 200
LOOK_SECONDS: Final = 0.25
FIRST_REST_SECONDS: Final = 0.25
LONGEST_REST_SECONDS: Final = 5.0
_SEND_ATTEMPTS: Final = 3
_SEND_PAUSE_SECONDS: Final = 0.1


class Pusher:
    """Fans batches out to the connections that watch their run.

    Args:
        client: an API Gateway management client.
        subscriptions: who watches what.
        workers: how many connections are served at once.
        slow_workers: how many of those that failed to take something, besides.
        look_seconds: how long those who were found to watch a run are taken for all of them: who
            comes meanwhile waits no longer than that. A look at each batch would read all of them
            twenty times a second.
        monotonic: gives seconds.
    """

    def __init__(
        self,
        client: "ApiGatewayManagementApiClient",
        subscriptions: Subscriptions,
        workers: int = PUSH_CONNECTIONS,
        slow_workers: int = SLOW_PUSH_CONNECTIONS,
        look_seconds: float = LOOK_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gateway = PushGateway(client)
        self._subscriptions = subscriptions
        self._workers = workers
        self._look_seconds = look_seconds
        self._monotonic = monotonic
        self._order = ThreadPoolExecutor(1, thread_name_prefix="fan-out")
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="push")
        self._slow_pool = ThreadPoolExecutor(slow_workers, thread_name_prefix="push-slow")
        # Guards everything below, and tells of its changes.
        self._changed = threading.Condition()
        self._waiting: dict[Watched, deque[Batch]] = {}
        self._fanning_out = False
        self._lanes: dict[str, Lane] = {}
        # By run: who watches, and until when that counts. Only the fan-out's thread has them.
        self._audiences: dict[Watched, tuple[Audience[str], float]] = {}
        # Connections that turned out to be gone since the last look.
        self._gone: set[str] = set()
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
                # It may be waiting until it is to look again at who watches.
                self._changed.notify_all()
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

    def _next_run(self) -> tuple[Watched, Sequence[Batch]] | None:
        """Return a run with all of its batches that wait, once there are workers for them.

        Without batches: a run at whose watchers it is time to look again.
        """
        with self._changed:
            while True:
                now = self._monotonic()
                until, owed = self._owed_look(now)
                if owed is not None and (until <= now or (self._draining and not self._waiting)):
                    return owed, self._waiting.pop(owed, ())
                if self._waiting and self._queued < self._workers:
                    run = next(iter(self._waiting))
                    return run, self._waiting.pop(run)
                if owed is None and not self._waiting:
                    self._fanning_out = False
                    self._changed.notify_all()
                    return None
                self._changed.wait(None if owed is None else until - now)

    def _owed_look(self, now: float) -> tuple[float, Watched | None]:
        """Return when the next look that is owed shall be, and at whose watchers."""
        self._audiences = {
            run: (audience, until)
            for run, (audience, until) in self._audiences.items()
            if audience.owes_look or until > now
        }
        owed = [
            (until, run) for run, (audience, until) in self._audiences.items() if audience.owes_look
        ]
        return min(owed, default=(now, None))

    def _fan_out_run(self, run: Watched, batches: Sequence[Batch]) -> None:
        audience, until = self._audiences.get(run, (Audience[str](), 0.0))
        if batches and self._monotonic() < until:
            deliveries = audience.unlooked(batches)
        else:
            # Should the look fail, what it was for is left to the log.
            self._audiences.pop(run, None)
            # All of them were logged before this look: who registers after it reads the log.
            found = self._subscriptions.of_run(*run)
            with self._changed:
                self._gone.clear()
            deliveries = audience.looked(found, batches)
            self._audiences[run] = (audience, self._monotonic() + self._look_seconds)
        for connections, sent in deliveries:
            self._hand_over(run, connections, sent)

    def _hand_over(
        self, run: Watched, connections: Sequence[str], batches: Sequence[Batch]
    ) -> None:
        if not connections:
            return
        _, thread_id, run_id = run
        parcel = pack(thread_id, run_id, batches)
        for connection_id in connections:
            with self._changed:
                if connection_id in self._gone:
                    continue
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
        with self._changed:
            self._gone.add(connection_id)

    def _count_failure(self) -> None:
        with self._changed:
            self.failures += 1
