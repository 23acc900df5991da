"""When the demonstration says that something went wrong."""

import pytest

from examples.demo.expectations import complaint
from examples.demo.rendering import Summary

SAY, CALL = "message_creation", "tool_calls"


def run(steps: list[str], calls: list[str], status: str = "completed", reason: str = "") -> Summary:
    """Return what a run did."""
    return Summary("A run", steps, calls, status=status, reason=reason)


@pytest.mark.parametrize(
    ("summary", "tool"),
    [
        (run([SAY], []), None),
        (run([CALL, SAY], ["look"]), "look"),
        (run([CALL, CALL, SAY], ["look", "look"]), "look"),
    ],
)
def test_a_run_that_did_what_it_was_to_show_is_fine(summary: Summary, tool: str | None) -> None:
    assert complaint(summary, tool) is None


@pytest.mark.parametrize(
    ("summary", "tool", "words"),
    [
        (run([], [], "failed", "The model is away."), None, "ended failed: The model is away."),
        (run([], [], "expired"), None, "ended expired, not completed."),
        (run([], [], ""), None, "ended without a status, not completed."),
        (run([SAY], []), "look", "without calling look"),
        (run([CALL, SAY], ["hear"]), "look", "without calling look"),
        (run([CALL, SAY], ["hear"]), None, "although it had none"),
        (run([], []), None, "unexpected steps: none."),
        (run([CALL], ["look"]), "look", "unexpected steps: tool_calls."),
        (run([SAY], ["look"]), "look", "unexpected steps: message_creation."),
        (run([SAY, SAY], []), None, "unexpected steps: message_creation, message_creation."),
    ],
)
def test_anything_else_is_one_sentence(summary: Summary, tool: str | None, words: str) -> None:
    sentence = complaint(summary, tool)
    assert sentence is not None
    assert words in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
