"""What is stored of a session, and what was seen of it from outside: the evidence of the audit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.event_log import Batch, Event, EventId
from core.lifetimes import ThreadLock
from core.records import CallRecord, RunRecord
from core.schema.messages import Message
from core.schema.steps import RunStep
from tests.chaos.plan import Conversation
from tests.chaos.reports import RunReport


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run, and what hangs on it.

    Attributes:
        record: the run.
        steps: in the order of their ids.
        calls: the internal tool calls.
        batches: its log, without what is void.
    """

    record: RunRecord
    steps: tuple[RunStep, ...]
    calls: tuple[CallRecord, ...]
    batches: tuple[Batch, ...]

    @property
    def log(self) -> list[tuple[EventId, Event]]:
        """The log's events with their ids."""
        return [numbered for batch in self.batches for numbered in batch.numbered()]


@dataclass(frozen=True, slots=True)
class StoredThread:
    """A thread.

    Attributes:
        thread_id: its id.
        metadata: what tells it apart.
        lock: its lock; None if it has none.
        messages: in the order of their ids.
    """

    thread_id: str
    metadata: Mapping[str, str]
    lock: ThreadLock | None
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """What the tables hold of a session.

    Attributes:
        threads: those that carry a tag of the session.
        runs: those of these threads, and those that carry such a tag themselves.
        orphans: keys of steps and calls whose run is not there.
    """

    threads: tuple[StoredThread, ...]
    runs: tuple[StoredRun, ...]
    orphans: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the audit looks at.

    Attributes:
        conversations: what was planned.
        reports: what the clients have to say, one for each planned run.
        picture: what is stored.
        asked: how often the service behind the action was asked, by idempotency key.
        left: messages that can be received from queues on which nothing should be, by queue.
    """

    conversations: Sequence[Conversation]
    reports: Sequence[RunReport]
    picture: Picture
    asked: Mapping[str, int]
    left: Mapping[str, int]
