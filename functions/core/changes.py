"""One atomic change of a run: everything in it is written, or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from core.event_log import Event, EventId
from core.records import CallRecord, CallState, RunPhase, RunRecord
from core.schema.messages import Message
from core.schema.steps import RunStep


@dataclass(frozen=True, slots=True)
class ThreadLine:
    """Who holds a thread, and who waits for it.

    Attributes:
        active: the run that holds it.
        waiting: the runs that wait, in the order in which their turns come.
    """

    active: str | None = None
    waiting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What a writer wants to be true after its transaction.

    Attributes:
        before: the run as it was read; the transaction fails if somebody moved it since.
        after: the run as it shall be. The store adds the epoch and the log's end.
        events: go into the run's log in the same transaction.
        messages, steps: records to put.
        calls: tool calls to put.
        call_states: of those that are there already, by their ids: the state in which they were
            read. If one has another by now, the transaction fails.
        follows: the log's last id, if the change was made from a look at the log; what was added
            to it since then is void.
        line: the thread's line as a writer that ends the run has seen it. Most have not looked:
            nobody waits, and the transaction fails if somebody does.
    """

    before: RunRecord
    after: RunRecord
    events: tuple[Event, ...] = ()
    messages: tuple[Message, ...] = ()
    steps: tuple[RunStep, ...] = ()
    calls: tuple[CallRecord, ...] = ()
    call_states: Mapping[str, CallState] = field(default_factory=dict)
    follows: EventId | None = None
    line: ThreadLine = field(default_factory=ThreadLine)

    @property
    def releases_thread(self) -> bool:
        """Whether the run ends here, so that it leaves the thread's line."""
        return self.after.ended and not self.before.ended

    @property
    def successor(self) -> str | None:
        """The run that gets the thread by this change; None if there is none."""
        holds = self.releases_thread and self.before.phase is not RunPhase.WAITING
        return self.line.waiting[0] if holds and self.line.waiting else None


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What a run has open, for whoever ends it or takes it over.

    Attributes:
        message: the open message with the content that was logged; None if none is open.
        step: the open step; None if none is open.
        seen: the last id of the log that the content was read from; None if it was not read.
    """

    message: Message | None = None
    step: RunStep | None = None
    seen: EventId | None = None

    def close(self, change: Change) -> Change:
        """Return a change that closes these, following just what was read of the log."""
        return replace(change, follows=self.seen)
