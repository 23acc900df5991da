"""The audit: evidence in, violations out. It reads nothing and waits for nobody."""

from collections.abc import Iterator

from tests.chaos.case import Case
from tests.chaos.picture import Evidence, StoredThread
from tests.chaos.plan import TAG
from tests.chaos.rules.answers import check_answers, check_order
from tests.chaos.rules.clients import check_identity, check_report, check_transcript
from tests.chaos.rules.ends import check_end
from tests.chaos.rules.log import check_log
from tests.chaos.rules.made_once import check_made_once
from tests.chaos.rules.tools import call_keys, check_asked, check_calls
from tests.chaos.verdict import Verdict


def audit(evidence: Evidence) -> Verdict:
    """Return what is to be said of a session of chaos."""
    verdict = Verdict()
    check_made_once(verdict, evidence)
    for report in evidence.reports:
        check_report(verdict, report)
    keys: set[str] = set()
    for case in cases(evidence):
        keys |= call_keys(case)
        check_identity(verdict, case)
        if check_end(verdict, case):
            check_log(verdict, case)
            check_transcript(verdict, case)
            check_answers(verdict, case)
            check_calls(verdict, case, evidence.asked)
    check_asked(verdict, evidence.asked, keys)
    tags = {run.record.id: run.record.config.metadata[TAG] for run in evidence.picture.runs}
    for thread in evidence.picture.threads:
        _check_lock(verdict, thread)
        check_order(verdict, thread, tags)
    words = ", ".join(f"{count} in the {queue} queue" for queue, count in evidence.left.items())
    verdict.expect("queues", "messages", not evidence.left, words)
    return verdict


def cases(evidence: Evidence) -> Iterator[Case]:
    """Yield each stored run whose plan, report and thread are known."""
    plans = {
        plan.tag: plan for conversation in evidence.conversations for plan in conversation.runs
    }
    reports = {report.tag: report for report in evidence.reports}
    threads = {thread.thread_id: thread for thread in evidence.picture.threads}
    for stored in evidence.picture.runs:
        tag = stored.record.config.metadata[TAG]
        thread = threads.get(stored.record.thread_id)
        if tag in plans and tag in reports and thread is not None:
            yield Case(plans[tag], reports[tag], stored, thread)


def _check_lock(verdict: Verdict, thread: StoredThread) -> None:
    lock, subject = thread.lock, f"{thread.metadata[TAG]} ({thread.thread_id})"
    if not verdict.expect("thread", subject, lock is not None, "it has no lock") or lock is None:
        return
    free = lock.active_run is None and not lock.waiting and not lock.deleted
    words = f"held by {lock.active_run}, waited for by {list(lock.waiting)}"
    verdict.expect("thread", subject, free, words)
