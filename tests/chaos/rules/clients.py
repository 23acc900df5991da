"""What clients and watchers say: that all went well, and that they heard what is in the log."""

from tests.chaos.case import Case
from tests.chaos.reports import RunReport
from tests.chaos.verdict import Verdict


def check_report(verdict: Verdict, report: RunReport) -> None:
    """Pass on what a run's client complains of."""
    words = "; ".join(report.complaints)
    verdict.expect("client", report.tag, not report.complaints, words)


def check_transcript(verdict: Verdict, case: Case) -> None:
    """Compare what a watcher heard with the log."""
    if case.report.transcript is None:
        return
    heard = [(event.id, event.event, event.data) for event in case.report.transcript]
    logged = [(str(event_id), event.name, event.data) for event_id, event in case.stored.log]
    same = heard == logged
    first = next(
        (str(one[0]) for one, other in zip(heard, logged, strict=False) if one != other), "its end"
    )
    words = f"it heard {len(heard)} of {len(logged)} events, and others from {first}"
    verdict.expect("transcript", case.subject, same, words)


def check_identity(verdict: Verdict, case: Case) -> None:
    """Look whether the client knows the run by the id under which it is stored."""
    known, stored = case.report.run_id, case.stored.record.id
    verdict.expect("client", case.subject, known == stored, f"its client knows it as {known}")
