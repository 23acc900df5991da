"""A run as the rules see it: what was planned, what was reported, and what is stored."""

from dataclasses import dataclass

from core.schema.messages import Message, TextContent
from tests.chaos.picture import StoredRun, StoredThread
from tests.chaos.plan import RunPlan
from tests.chaos.reports import RunReport


@dataclass(frozen=True, slots=True)
class Case:
    """One run.

    Attributes:
        plan: what was planned.
        report: what its client says.
        stored: what is stored of it.
        thread: its thread, as it is stored.
    """

    plan: RunPlan
    report: RunReport
    stored: StoredRun
    thread: StoredThread

    @property
    def subject(self) -> str:
        """Names the run in a violation: its plan's tag and kind, and its id."""
        return f"{self.plan.tag} ({self.plan.kind}, {self.stored.record.id})"

    @property
    def messages(self) -> list[Message]:
        """The messages that the run wrote, in the order of their ids."""
        run_id = self.stored.record.id
        return [message for message in self.thread.messages if message.run_id == run_id]


def text_of(message: Message) -> str:
    """Return a message's text."""
    return "".join(part.text.value for part in message.content if isinstance(part, TextContent))
