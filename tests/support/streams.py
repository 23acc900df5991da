"""Event streams as bytes, read and provoked by tests."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.event_log import Batch, EventId
from wiring.bootstrap import ApiContext

DONE = "[DONE]"


@dataclass(frozen=True)
class Sent:
    """An event as it stands in a stream: `data` is decoded, save that of `done`.

    Attributes:
        id: "" if it has none.
    """

    event: str
    data: Any
    id: str = ""


def parse_stream(text: str) -> list[Sent]:
    """Return the events of a stream; comments are passed over."""
    return list(_events(text))


def _events(text: str) -> Iterator[Sent]:
    assert text.endswith("\n\n"), "the stream breaks off within an event"
    for block in text[:-2].split("\n\n"):
        lines = [line for line in block.split("\n") if not line.startswith(":")]
        if not lines:
            continue
        fields = dict(line.split(": ", 1) for line in lines)
        assert set(fields) <= {"event", "data", "id"}
        data = fields["data"]
        yield Sent(
            fields["event"], data if data == DONE else json.loads(data), fields.get("id", "")
        )


def names_of(sent: Sequence[Sent]) -> list[str]:
    """Return the events' names without OpenAI's `thread.` prefix, neighbouring deltas as one."""
    names: list[str] = []
    for each in sent:
        name = each.event.removeprefix("thread.")
        if not (name.endswith("delta") and names and names[-1] == name):
            names.append(name)
    return names


class ActedLog:
    """An event log at which something happens whenever who follows it has seen all of it.

    So runs move while their streams are read, one thing after the other.

    Args:
        context: whose log it is.
        acts: what happens, in order.
    """

    def __init__(self, context: ApiContext, acts: Sequence[Callable[[], object]]) -> None:
        self._log = context.event_log
        self._acts = list(acts)

    def beyond(self, tenant: str, run_id: str, after: EventId | None) -> list[Batch]:
        """Return what is new; if that is nothing, the next thing happens."""
        batches = self._log.beyond(tenant, run_id, after)
        if not batches and self._acts:
            self._acts.pop(0)()
        return batches

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def streaming(context: ApiContext, *acts: Callable[[], object], **settings: Any) -> ApiContext:
    """Return the API's parts in a process that streams.

    Args:
        context: the parts as they are.
        acts: what happens while a stream is read, as at an `ActedLog`.
        settings: further ones to set.
    """
    changed = context.settings.model_copy(update={"streaming": True, **settings})
    log: Any = ActedLog(context, acts)
    return replace(context, settings=changed, event_log=log)
