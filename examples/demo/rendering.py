"""Turns a run's events into what a terminal shows, and into the table at the end. No I/O."""

from dataclasses import dataclass, field
from typing import Any

from threadrunner_client import Event

_DIM, _BOLD, _GREEN, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[32m", "\x1b[0m"


@dataclass
class Summary:
    """What a run did.

    Attributes:
        title: what it was to show.
        steps: the types of the steps that were completed, in order.
        calls: the names of the tools that were called, in order.
        tokens: in and out, as the model counted them.
        first_token: seconds from the run's creation to the first word or call; None if none came.
        total: seconds from the creation to the end.
        status: how it ended.
        reason: why it failed; empty if it did not.
    """

    title: str
    steps: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    tokens: int = 0
    first_token: float | None = None
    total: float = 0.0
    status: str = ""
    reason: str = ""


@dataclass
class RunView:
    """Follows one run.

    Args:
        summary: is filled in as the events come.
        colour: whether to use terminal colours.
    """

    summary: Summary
    colour: bool
    _said: bool = field(default=False, init=False)
    _opened: int = field(default=0, init=False)

    def show(self, event: Event, seconds: float) -> str:
        """Return what to write for an event that came `seconds` after the run was created."""
        self.summary.total = seconds
        name = event.event.removeprefix("thread.")
        if name == "message.delta":
            return self._text(event.data, seconds)
        if name == "run.step.delta":
            return self._calls(event.data, seconds)
        if name == "run.step.created":
            self._opened += 1
            return self._note(f"step {self._opened}: {event.data['type'].replace('_', ' ')}")
        if name == "run.step.completed":
            self.summary.steps.append(event.data["type"])
        if name.startswith("run.") and name != "run.created" and not name.startswith("run.step."):
            return self._run(event.data)
        return ""

    def note(self, text: str) -> str:
        """Return a remark of the demonstration itself."""
        return self._note(text)

    def _text(self, data: dict[str, Any], seconds: float) -> str:
        self._first(seconds)
        parts = data["delta"]["content"]
        text = "".join(part["text"]["value"] for part in parts if part["type"] == "text")
        lead = "" if self._said else "  "
        self._said = True
        return lead + self._styled(text.replace("\n", "\n  "), _GREEN)

    def _calls(self, data: dict[str, Any], seconds: float) -> str:
        self._first(seconds)
        shown = ""
        for call in data["delta"]["step_details"]["tool_calls"]:
            body = call[call["type"]]
            if body.get("name"):
                self.summary.calls.append(body["name"])
                opening = f"{call['type']} {body['name']} {body['arguments']}"
                shown += self._note(opening).removesuffix("\n")
                self._said = True
            elif body.get("output"):
                shown += self._note(f"output: {body['output']}")
            elif body.get("arguments"):
                shown += self._styled(body["arguments"], _DIM)
                self._said = True
        return shown

    def _run(self, data: dict[str, Any]) -> str:
        status = data["status"]
        self.summary.status = status
        if data.get("usage"):
            self.summary.tokens = data["usage"]["total_tokens"]
        if data.get("last_error"):
            self.summary.reason = data["last_error"]["message"]
        return self._note(status.replace("_", " "))

    def _first(self, seconds: float) -> None:
        if self.summary.first_token is None:
            self.summary.first_token = seconds

    def _note(self, text: str) -> str:
        lead = "\n" if self._said else ""
        self._said = False
        return f"{lead}  {self._styled('· ' + text, _DIM)}\n"

    def _styled(self, text: str, style: str) -> str:
        return f"{style}{text}{_RESET}" if self.colour else text


def heading(text: str, *, colour: bool) -> str:
    """Return a heading."""
    return f"\n{_BOLD}{text}{_RESET}\n" if colour else f"\n{text}\n"


def table(summaries: list[Summary]) -> str:
    """Return what each run did, a line each."""
    rows = [("run", "ended", "steps", "calls", "tokens", "first token", "total")]
    for summary in summaries:
        first = "-" if summary.first_token is None else f"{summary.first_token:.2f} s"
        rows.append(
            (
                summary.title,
                summary.status,
                str(len(summary.steps)),
                str(len(summary.calls)),
                str(summary.tokens),
                first,
                f"{summary.total:.2f} s",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"
