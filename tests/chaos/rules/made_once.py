"""Requests that were sent again made nothing twice, and nothing that was asked for is missing."""

from collections import Counter

from tests.chaos.picture import Evidence, StoredRun, StoredThread
from tests.chaos.plan import TAG, Conversation
from tests.chaos.verdict import Verdict


def check_made_once(verdict: Verdict, evidence: Evidence) -> None:
    """Look at each thread, run and question that was asked for."""
    picture = evidence.picture
    threads = Counter(thread.metadata[TAG] for thread in picture.threads)
    runs = Counter(run.record.config.metadata[TAG] for run in picture.runs)
    by_tag = {thread.metadata[TAG]: thread for thread in picture.threads}
    stored = {run.record.config.metadata[TAG]: run for run in picture.runs}
    for conversation in evidence.conversations:
        count = threads.pop(conversation.tag, 0)
        verdict.expect(
            "made once", conversation.tag, count == 1, f"the thread was made {count} times"
        )
        for plan in conversation.runs:
            count = runs.pop(plan.tag, 0)
            verdict.expect("made once", plan.tag, count == 1, f"the run was made {count} times")
        if conversation.tag in by_tag:
            _check_questions(verdict, conversation, by_tag[conversation.tag], stored)
    for tag in (*threads, *runs):
        verdict.expect("made once", tag, False, "nobody asked for it")
    for orphan in picture.orphans:
        verdict.expect("made once", orphan, False, "there are steps or calls, but no such run")


def _check_questions(
    verdict: Verdict,
    conversation: Conversation,
    thread: StoredThread,
    stored: dict[str, StoredRun],
) -> None:
    questions = Counter(
        message.metadata.get(TAG, "") for message in thread.messages if message.role == "user"
    )
    for plan in conversation.runs:
        run = stored.get(plan.tag)
        count = questions.pop(plan.tag, 0)
        # A run that waits for its thread brings its question with it, when its turn comes.
        may_lack = plan.asks_with_run and (run is None or run.record.started_at is None)
        holds = count == 1 or (may_lack and count == 0)
        verdict.expect("made once", plan.tag, holds, f"its question stands {count} times")
    verdict.expect(
        "made once",
        conversation.tag,
        not questions,
        f"{questions.total()} messages that nobody sent",
    )
