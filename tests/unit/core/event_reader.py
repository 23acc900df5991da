"""Reads a run's events as the strictest client would, and fails at the first that it cannot follow.

What is checked is written down from the contract, not from the code: which event may follow which,
one open step and one open message at a time, every object created once and ended once, strings of
deltas that add up to what the final objects say.
"""

import json
from typing import Any

from core.event_log import Event
from core.schema.messages import Message
from core.schema.steps import RunStep

ENDED = {"completed", "incomplete", "failed", "cancelled", "expired"}
# Which `thread.run.*` event may follow which.
RUN_ORDER: dict[str | None, set[str]] = {
    None: {"created"},
    "created": {"queued"},
    "queued": {"in_progress", "cancelling", "failed", "expired"},
    "in_progress": {
        "requires_action",
        "completed",
        "incomplete",
        "failed",
        "cancelling",
        "expired",
    },
    "requires_action": {"queued", "cancelling", "failed", "expired"},
    "cancelling": {"cancelled"},
    **{status: set() for status in ENDED},
}


class EventReader:
    """Follows a run's events.

    Attributes:
        names: of the events so far.
        run: the last `thread.run.*` event's word; None before the first.
        open_step, open_message: the ids of what is open.
        objects: each step and message as the last event that showed it whole.
        calls: of each step: the tool calls that its deltas add up to.
        contents: of each message: the parts that its deltas add up to.
    """

    def __init__(self, run: str | None = None) -> None:
        self.names: list[str] = []
        self.run = run
        self.open_step: str | None = None
        self.open_message: str | None = None
        self.objects: dict[str, dict[str, Any]] = {}
        self.calls: dict[str, list[dict[str, Any]]] = {}
        self.contents: dict[str, list[dict[str, Any]]] = {}
        self._next: tuple[str, dict[str, Any]] | None = None

    def read(self, event: Event) -> None:
        """Follow one event.

        Raises:
            AssertionError: the contract does not allow it here.
        """
        data = event.data
        plain = json.dumps(data, ensure_ascii=False).encode()
        assert json.loads(plain) == data, "the payload is not plain JSON"
        assert self.run not in ENDED, f"{event.name} comes after the run has ended"
        times = [value for key, value in data.items() if key.endswith("_at")]
        assert all(type(time) is int for time in times if time is not None), "times are seconds"
        if self._next is not None:
            assert (event.name, data) == self._next, f"{event.name} comes before {self._next[0]}"
        self._next = None
        self.names.append(event.name)
        kind, _, word = event.name.removeprefix("thread.").rpartition(".")
        assert self.run != "requires_action" or kind != "message"
        readers = {
            "run": self._read_run,
            "run.step": self._read_step,
            "message": self._read_message,
        }
        readers[kind](word, data)

    def check_record(self, record: Message | RunStep) -> None:
        """Fail unless a record says what the events have said of it."""
        told = self.objects[record.id]
        wire = record.model_dump(mode="json")
        assert wire["status"] == told["status"], "the record has another status than was told"
        if isinstance(record, RunStep) and wire["type"] == "tool_calls" and self.open_step:
            assert self._next is None
            calls = wire["step_details"].pop("tool_calls")
            assert calls in ([], self.calls[record.id]), "the record has other calls than were told"
            told = json.loads(json.dumps(told))
            del told["step_details"]["tool_calls"]
            # A step that waits has its usage already; OpenAI shows it when it ends.
            wire["usage"] = told["usage"]
        assert wire == told, "the record is not what was told"

    # ---- runs -----------------------------------------------------------------------------------

    def _read_run(self, word: str, data: dict[str, Any]) -> None:
        assert word in RUN_ORDER[self.run], f"run.{word} after {self.run}"
        assert data["object"] == "thread.run"
        assert data["status"] == ("queued" if word == "created" else word)
        self.run = word
        if word == "requires_action":
            assert self.open_step is not None
            assert self.open_message is None
            waiting = data["required_action"]["submit_tool_outputs"]["tool_calls"]
            assert waiting, "the run waits for nothing"
            known = {call["id"]: call for call in self.calls[self.open_step]}
            for call in waiting:
                called = known[call["id"]]["function"]
                assert called["output"] is None, "an output is asked for that is there"
                assert called["name"] == call["function"]["name"]
                assert called["arguments"] == call["function"]["arguments"]
        else:
            assert data["required_action"] is None
            if word != "cancelling":
                assert (self.open_step, self.open_message) == (None, None), f"open at run.{word}"
        assert (data["usage"] is not None) == (word in ENDED)

    # ---- steps ----------------------------------------------------------------------------------

    def _read_step(self, word: str, data: dict[str, Any]) -> None:
        step_id = data["id"]
        if word == "created":
            assert self.open_step is None, "a second step is open"
            assert step_id not in self.objects, "a step is created twice"
            assert (data["status"], data["usage"]) == ("in_progress", None)
            assert data["step_details"]["type"] == data["type"]
            assert data["step_details"].get("tool_calls", []) == []
            self.open_step = step_id
            self.calls[step_id] = []
            self._next = ("thread.run.step.in_progress", data)
        else:
            assert step_id == self.open_step, f"step.{word} of a step that is not open"
        if word == "delta":
            self._add_calls(data)
            return
        assert data["object"] == "thread.run.step"
        self.objects[step_id] = data
        if word in ENDED:
            assert word != "incomplete"
            assert self.open_message is None, "a step ends before its message"
            assert (data["status"], data[f"{word}_at"] is None) == (word, False)
            self._check_calls(word, data)
            self.open_step = None

    def _add_calls(self, data: dict[str, Any]) -> None:
        assert data["object"] == "thread.run.step.delta"
        details = data["delta"]["step_details"]
        assert details["type"] == "tool_calls"
        calls = self.calls[data["id"]]
        for news in details["tool_calls"]:
            kind = news["type"]
            if news["index"] == len(calls):
                assert news["id"]
                assert set(news[kind]) == {"name", "arguments", "output"}
                # Handlers of SDKs get the opening as "created", and as deltas what comes after it.
                assert (news[kind]["arguments"], news[kind]["output"]) == ("", None)
                calls.append({"id": news["id"], "type": kind, kind: dict(news[kind])})
                continue
            # Clients concatenate strings: what was said once must not be said again.
            assert set(news) == {"index", "type", kind}
            call = calls[news["index"]]
            if "arguments" in news[kind]:
                assert set(news[kind]) == {"arguments"}
                call[kind]["arguments"] += news[kind]["arguments"]
            else:
                assert set(news[kind]) == {"output"}
                assert call[kind]["output"] is None, "a second output"
                call[kind]["output"] = news[kind]["output"]

    def _check_calls(self, word: str, data: dict[str, Any]) -> None:
        told = self.calls[data["id"]]
        calls = data["step_details"].get("tool_calls", [])
        if word != "completed" and not calls:
            return  # The attempt broke off before the calls were whole.
        assert len(calls) == len(told)
        for call, heard in zip(calls, told, strict=True):
            kind = call["type"]
            # Deltas do not tell the client its own outputs.
            if heard[kind]["output"] is None and kind == "function":
                call = call | {kind: call[kind] | {"output": heard[kind]["output"]}}
            assert call == heard, "the step ends with other calls than its deltas told"

    # ---- messages -------------------------------------------------------------------------------

    def _read_message(self, word: str, data: dict[str, Any]) -> None:
        message_id = data["id"]
        if word == "created":
            assert self.open_message is None, "a second message is open"
            assert message_id not in self.objects, "a message is created twice"
            assert self.open_step is not None, "a message without a step"
            details = self.objects[self.open_step]["step_details"]
            assert details["message_creation"]["message_id"] == message_id
            assert (data["status"], data["content"]) == ("in_progress", [])
            self.open_message = message_id
            self.contents[message_id] = []
            self._next = ("thread.message.in_progress", data)
        else:
            assert message_id == self.open_message, f"message.{word} of one that is not open"
        if word == "delta":
            self._add_content(data)
            return
        assert data["object"] == "thread.message"
        self.objects[message_id] = data
        if word in ENDED:
            assert word in ("completed", "incomplete")
            assert (data["status"], data[f"{word}_at"] is None) == (word, False)
            assert (data["incomplete_details"] is None) == (word == "completed")
            assert data["content"] == self.contents[message_id], "deltas add up to something else"
            self.open_message = None

    def _add_content(self, data: dict[str, Any]) -> None:
        assert data["object"] == "thread.message.delta"
        assert set(data["delta"]) == {"content"}
        parts = self.contents[data["id"]]
        for news in data["delta"]["content"]:
            kind = news["type"]
            value = {key: each for key, each in news.items() if key != "index"}
            if news["index"] == len(parts):
                parts.append(value)
                continue
            part = parts[news["index"]]
            assert kind == part["type"]
            if kind == "text":
                assert set(news["text"]) == {"value"}
                text = part["text"] | {"value": part["text"]["value"] + news["text"]["value"]}
                parts[news["index"]] = part | {"text": text}
            else:
                parts[news["index"]] = part | {"refusal": part["refusal"] + news["refusal"]}
