"""What a session of chaos prints in the end."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from core.endings import INTERRUPTED
from tests.chaos.api_client import Traffic
from tests.chaos.killer import Kill
from tests.chaos.picture import Evidence, StoredRun
from tests.chaos.plan import TAG
from tests.chaos.recoveries import Interruption
from tests.chaos.rules.ends import is_given_up
from tests.chaos.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is over.

    Attributes:
        evidence: what it left.
        kills: whom the killer killed.
        interrupted: which of them interrupted a model's answer.
        traffic: what the clients sent.
        seconds: how long it took.
    """

    evidence: Evidence
    kills: Sequence[Kill]
    interrupted: Sequence[Interruption]
    traffic: Traffic
    seconds: float


def summary(session: Session, verdict: Verdict) -> Iterator[str]:
    """Yield the lines that tell of a session, its violations last."""
    evidence = session.evidence
    runs = evidence.picture.runs
    yield f"runs         {len(runs)} on {len(evidence.picture.threads)} threads, " + _listed(
        Counter(run.record.status for run in runs)
    )
    yield f"kills        {len(session.kills)} in {session.seconds:.0f} s, " + _listed(
        Counter(kill.function for kill in session.kills)
    )
    yield "  at work    " + _listed(
        Counter(kill.function for kill in session.kills if kill.at_work)
    )
    yield f"attempts     {_attempts(runs)}"
    yield f"recoveries   {_recoveries(session.interrupted)}"
    watched = sum(report.transcript is not None for report in evidence.reports)
    traffic = session.traffic
    yield (
        f"clients      {traffic.requests} requests, {traffic.retries} of them sent again, "
        f"{traffic.given_up} given up; {watched} runs watched to their end"
    )
    for run in runs:
        if is_given_up(run.record):
            yield f"given up     {run.record.config.metadata[TAG]} ({run.record.id})"
    broken = verdict.broken()
    for rule, looks in verdict.looks.items():
        yield f"  {rule:12} {looks:7} looks {broken[rule]:5} violations"
    yield f"violations   {len(verdict.violations)}"
    for violation in verdict.violations:
        yield f"  {violation}"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "none"


def _attempts(runs: Sequence[StoredRun]) -> str:
    begun_anew = sum(
        step.last_error is not None and step.last_error.message == INTERRUPTED.message
        for run in runs
        for step in run.steps
    )
    settled = sum(call.failed for run in runs for call in run.calls)
    given_up = sum(is_given_up(run.record) for run in runs)
    return (
        f"{begun_anew} broke off in the open and began anew, {settled} tool calls answered with an "
        f"error, {given_up} runs given up"
    )


def _recoveries(interrupted: Sequence[Interruption]) -> str:
    seconds = [each.seconds for each in interrupted if each.seconds is not None]
    ended = len(interrupted) - len(seconds)
    if not seconds:
        return f"none; {ended} runs ended instead"
    return (
        f"{len(seconds)}, after {median(seconds):.1f} s in the median and {max(seconds):.1f} s at "
        f"most; {ended} runs ended instead"
    )
