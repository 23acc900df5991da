"""What the demonstration shows."""

from typing import Any

from examples.demo.rendering import RunView, Summary, heading, table
from threadrunner_client import Event


def event(name: str, data: dict[str, Any]) -> Event:
    """Return an event of a run."""
    return Event(id="1-0", event=name, data=data, run_id="run_1", thread_id="thread_1")


def delta(text: str) -> Event:
    """Return a piece of an answer."""
    part = {"index": 0, "type": "text", "text": {"value": text}}
    return event("thread.message.delta", {"delta": {"content": [part]}})


def call(**body: Any) -> Event:
    """Return news of a tool call."""
    calls = [{"index": 0, "type": "function", "function": body}]
    return event("thread.run.step.delta", {"delta": {"step_details": {"tool_calls": calls}}})


def show(*events: Event, colour: bool = False) -> tuple[str, Summary]:
    """Return what is shown for events that come half a second apart, and their summary."""
    view = RunView(Summary("A run"), colour)
    text = "".join(view.show(shown, 0.5 * (number + 1)) for number, shown in enumerate(events))
    return text, view.summary


def test_pieces_of_an_answer_stand_on_one_line_and_its_end_on_the_next() -> None:
    usage = {"total_tokens": 7}
    text, summary = show(
        event("thread.run.created", {"status": "queued"}),
        event("thread.run.step.created", {"type": "message_creation"}),
        delta("Good "),
        delta("day."),
        event("thread.run.step.completed", {"type": "message_creation"}),
        event("thread.run.completed", {"status": "completed", "usage": usage}),
    )
    assert text == "  · step 1: message creation\n  Good day.\n  · completed\n"
    assert summary == Summary("A run", ["message_creation"], [], 7, 1.5, 3.0, "completed")


def test_a_call_is_shown_with_its_arguments_as_they_come_and_then_its_output() -> None:
    text, summary = show(
        call(name="look", arguments="", output=None),
        call(arguments='{"at":'),
        call(arguments='"sea"}'),
        call(output="waves"),
    )
    assert text == '  · function look {"at":"sea"}\n  · output: waves\n'
    assert (summary.calls, summary.first_token) == (["look"], 0.5)


def test_without_colour_there_are_no_escapes_and_with_it_there_are() -> None:
    plain, _ = show(delta("Hi"))
    coloured, _ = show(delta("Hi"), colour=True)
    assert "\x1b" not in plain + heading("Title", colour=False)
    assert "\x1b" in coloured
    assert "\x1b" in heading("Title", colour=True)


def test_the_table_is_aligned_and_says_so_when_no_token_came() -> None:
    first_row = Summary("Long", ["tool_calls"], ["a", "b"], 30, 0.25, 1.0, "completed")
    rows = table([first_row, Summary("B")])
    header, first, second = rows.splitlines()
    assert header.index("ended") == first.index("completed")
    assert first.split()[2:] == ["1", "2", "30", "0.25", "s", "1.00", "s"]
    assert second.split()[-3:] == ["-", "0.00", "s"]


def test_a_step_that_was_begun_anew_is_shown_twice_and_counted_once() -> None:
    text, summary = show(
        event("thread.run.step.created", {"type": "message_creation"}),
        delta("Half"),
        event("thread.run.step.failed", {"type": "message_creation"}),
        event("thread.run.step.created", {"type": "message_creation"}),
        delta("Whole."),
        event("thread.run.step.completed", {"type": "message_creation"}),
    )
    assert text == "  · step 1: message creation\n  Half\n  · step 2: message creation\n  Whole."
    assert summary.steps == ["message_creation"]


def test_the_reason_of_a_failed_run_is_kept() -> None:
    error = {"code": "server_error", "message": "The model is away."}
    text, summary = show(event("thread.run.failed", {"status": "failed", "last_error": error}))
    assert text == "  · failed\n"
    assert (summary.status, summary.reason) == ("failed", "The model is away.")
