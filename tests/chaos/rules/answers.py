"""What runs said: every token of it, once, in its place, and behind the question."""

from collections.abc import Iterator

from core.schema.steps import MessageCreationDetails
from tests.chaos.case import Case, text_of
from tests.chaos.picture import StoredThread
from tests.chaos.plan import TAG
from tests.chaos.verdict import Verdict


def check_answers(verdict: Verdict, case: Case) -> None:
    """Look at the messages that a run wrote."""
    expected = [turn.text for turn in case.plan.turns if turn.count]
    said: list[str] = []
    for text, is_whole in _spoken(case):
        if is_whole:
            said.append(text)
            continue
        due = expected[len(said)] if len(said) < len(expected) else None
        begins = due is not None and due.startswith(text)
        verdict.expect("whole", case.subject, begins, f"it broke off with {_show(text)}")
    if case.stored.record.status != "completed":
        expected = expected[: len(said)]
    fault = next(
        (
            f"it said {_show(heard)}"
            for heard, due in zip(said, expected, strict=False)
            if heard != due
        ),
        f"it said {len(said)} of {len(expected)} texts",
    )
    verdict.expect("whole", case.subject, said == expected, fault)


def check_order(verdict: Verdict, thread: StoredThread, tags: dict[str, str]) -> None:
    """Look whether each answer stands behind its question and before the next one.

    Args:
        verdict: what is found.
        thread: the thread.
        tags: of its runs, by their ids.
    """
    asked: str | None = None
    for message in thread.messages:
        if message.run_id is None:
            asked = message.metadata.get(TAG)
            continue
        tag = tags.get(message.run_id)
        words = f"{message.id} stands behind the question of {asked}"
        verdict.expect("order", tag or message.run_id, asked == tag, words)


def _spoken(case: Case) -> Iterator[tuple[str, bool]]:
    """Yield the texts of a run's messages, in their order, and whether each is whole.

    What is said before a call is whole when the call begins. If the attempt is interrupted then,
    it was said in vain: the next attempt says it again.
    """
    messages = {message.id: message for message in case.messages}
    pending: str | None = None
    for step in case.stored.steps:
        details = step.step_details
        if not isinstance(details, MessageCreationDetails):
            if pending is not None:
                yield pending, step.status != "failed"
            pending = None
            continue
        if pending is not None:
            yield pending, True
        pending = None
        message = messages.get(details.message_creation.message_id)
        if message is None:
            continue
        if message.status == "completed" and step.usage is None:
            pending = text_of(message)
        else:
            yield text_of(message), message.status == "completed"
    if pending is not None:
        yield pending, True


def _show(text: str) -> str:
    """Return a text's ends, and its length."""
    return repr(text) if len(text) < 60 else f"{text[:25]!r}…{text[-25:]!r} ({len(text)})"
