"""What clients and watchers have to say about a run, to be compared with what is stored."""

from dataclasses import dataclass, field

from threadrunner_client import Event


@dataclass(slots=True)
class RunReport:
    """A run as its client saw it.

    Attributes:
        tag: names its plan.
        run_id: its id; None if it was never created, as far as the client knows.
        cancel_accepted: whether the service said that it would cancel it.
        submitted: ids of the function calls whose outputs were taken, as often as they were.
        complaints: what should not have happened, a sentence each.
        transcript: all that a watcher heard over the WebSocket; None if nobody watched, or not to
            the end.
    """

    tag: str
    run_id: str | None = None
    cancel_accepted: bool = False
    submitted: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    transcript: list[Event] | None = None
