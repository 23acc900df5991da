"""One atomic change of a run: everything in it is written, or nothing."""

from dataclasses import dataclass

from core.event_log import Event
from core.records import CallRecord, RunRecord
from core.schema.messages import Message
from core.schema.steps import RunStep


@dataclass(frozen=True, slots=True)
class Change:
    """What a writer wants to be true after its transaction.

    Attributes:
        before: the run as it was read; the transaction fails if somebody moved it since.
        after: the run as it shall be. The store adds the epoch and the log's end.
        events: go into the run's log in the same transaction.
        messages, steps: records to put.
        calls: tool calls to put; one that has an output already stays as it is, and the
            transaction fails.
    """

    before: RunRecord
    after: RunRecord
    events: tuple[Event, ...] = ()
    messages: tuple[Message, ...] = ()
    steps: tuple[RunStep, ...] = ()
    calls: tuple[CallRecord, ...] = ()

    @property
    def releases_thread(self) -> bool:
        """Whether the run ends here, so that the thread takes messages and runs again."""
        return self.after.ended and not self.before.ended
