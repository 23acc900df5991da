"""What was asked of the server, and when it answered: for tests and measurements, in memory."""

import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

MOST_REQUESTS = 1_000
MOST_BYTES = 64 * 1024 * 1024

Outcome = Literal["in_progress", "completed", "refused", "cut", "disconnected"]


@dataclass(slots=True)
class RequestRecord:
    """One request for a chat completion; it changes while the answer is being sent.

    Attributes:
        number: Counts the server's requests, from 1.
        received_at: When it came: epoch seconds, as all times here.
        peer_port: The caller's port, which tells local processes apart.
        raw: The body as it came.
        completion_id: The id of the answer; None if there is none.
        status: The response's status, as soon as its headers are sent.
        outcome: `in_progress`, then `completed`, `refused` (an error response), `cut` (by the
            script) or `disconnected` (by the caller, or by the server's end).
        tokens: How many tokens of a stream were written.
        chunk_times: When each event of a stream was written. The first one holds the role, so the
            first token is the second one, unless something malformed comes first.
        finished_at: When the outcome was known.
    """

    number: int
    received_at: float
    peer_port: int
    raw: bytes = field(repr=False)
    completion_id: str | None = None
    status: int | None = None
    outcome: Outcome = "in_progress"
    tokens: int = 0
    chunk_times: list[float] = field(default_factory=list, repr=False)
    finished_at: float | None = None

    @property
    def body(self) -> Any:
        """The body as a JSON value; None if it is not JSON."""
        try:
            return json.loads(self.raw)
        except (ValueError, RecursionError):
            return None

    def note_chunk(self, *, is_token: bool) -> None:
        """Note that an event of the stream was written just now."""
        self.chunk_times.append(time.time())
        self.tokens += is_token

    def close(self, outcome: Outcome) -> None:
        """Note how it ended; what is noted first stays."""
        if self.outcome == "in_progress":
            self.outcome = outcome
            self.finished_at = time.time()

    def describe(self) -> dict[str, object]:
        """Return the record as `GET /requests` shows it."""
        times = list(self.chunk_times)
        return {
            "number": self.number,
            "received_at": self.received_at,
            "peer_port": self.peer_port,
            "completion_id": self.completion_id,
            "status": self.status,
            "outcome": self.outcome,
            "tokens": self.tokens,
            "chunks": len(times),
            "chunk_times": times,
            "finished_at": self.finished_at,
            "body": self.body,
        }


class Recorder:
    """Keeps the last 1,000 requests, or as many of the last as have 64 MiB of bodies together."""

    def __init__(self) -> None:
        """Begin with no request."""
        self._lock = threading.Lock()  # the server runs in one thread, a test reads in another
        self._records: deque[RequestRecord] = deque()
        self._bytes = 0
        self._count = 0

    def begin(self, raw: bytes, peer_port: int) -> RequestRecord:
        """Record a request that has just come.

        Args:
            raw: Its body.
            peer_port: The caller's port.
        """
        with self._lock:
            self._count += 1
            record = RequestRecord(self._count, time.time(), peer_port, raw)
            self._records.append(record)
            self._bytes += len(raw)
            while len(self._records) > MOST_REQUESTS or (
                self._bytes > MOST_BYTES and len(self._records) > 1
            ):
                self._bytes -= len(self._records.popleft().raw)
            return record

    def list(self) -> list[RequestRecord]:
        """Return the records, oldest first."""
        with self._lock:
            return [*self._records]

    def clear(self) -> None:
        """Forget all records; numbers are not used again."""
        with self._lock:
            self._records.clear()
            self._bytes = 0
