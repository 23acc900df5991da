"""Keeps what is known of runs with violations: the stack's data is gone when it has ended."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.chaos.audit import cases
from tests.chaos.case import Case
from tests.chaos.picture import Evidence
from tests.chaos.verdict import Verdict


def keep_violated(evidence: Evidence, verdict: Verdict, directory: Path) -> Iterator[Path]:
    """Write a file for each run with violations; yield where it is.

    Args:
        evidence: what the audit has looked at.
        verdict: what it found.
        directory: where to write.
    """
    for case in cases(evidence):
        broken = [
            str(violation)
            for violation in verdict.violations
            if violation.subject in (case.subject, case.plan.tag)
        ]
        if broken:
            directory.mkdir(parents=True, exist_ok=True)
            path = directory / f"{case.plan.tag}.json"
            path.write_text(json.dumps(_told(case, broken), indent=1) + "\n", encoding="utf-8")
            yield path


def _told(case: Case, broken: list[str]) -> dict[str, Any]:
    stored, transcript = case.stored, case.report.transcript
    return {
        "violations": broken,
        "plan": {"kind": case.plan.kind, "question": case.plan.question},
        "report": {
            "cancel_accepted": case.report.cancel_accepted,
            "submitted": case.report.submitted,
            "complaints": case.report.complaints,
        },
        "record": stored.record.model_dump(mode="json"),
        "lock": None if case.thread.lock is None else repr(case.thread.lock),
        "messages": [message.model_dump(mode="json") for message in case.thread.messages],
        "steps": [step.model_dump(mode="json") for step in stored.steps],
        "calls": [call.model_dump(mode="json") for call in stored.calls],
        "log": [
            {
                "after": None if batch.after is None else str(batch.after),
                "events": [[str(event_id), event.name, event.data] for event_id, event in numbered],
            }
            for batch in stored.batches
            for numbered in (list(batch.numbered()),)
        ],
        "heard": None
        if transcript is None
        else [[event.id, event.event, event.data] for event in transcript],
    }
