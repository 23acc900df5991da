"""The event log: one chain, which the strictest client can follow, and which the records repeat."""

from typing import Any

from core.event_log import EventId
from core.schema.messages import Message
from core.schema.steps import RunStep
from tests.chaos.case import Case
from tests.chaos.verdict import Verdict
from tests.unit.core.event_reader import EventReader


def check_log(verdict: Verdict, case: Case) -> None:
    """Look at a run's log, and compare its records with it."""
    fault = chain_fault(case)
    verdict.expect("chain", case.subject, fault is None, fault or "")
    reader, fault = _read(case)
    verdict.expect("contract", case.subject, fault is None, fault or "")
    if fault is None:
        _check_records(verdict, case, reader)


def chain_fault(case: Case) -> str | None:
    """Return where a log is no chain from its first event to the run's last; None if it is one."""
    record = case.stored.record
    last: EventId | None = None
    for batch in case.stored.batches:
        if batch.after != last:
            return f"{batch.first} follows {batch.after}, but comes behind {last}"
        if last is not None and batch.first <= last:
            return f"{batch.first} comes behind {last}"
        last = batch.last
    if last is None:
        return "the log is empty"
    if record.tail != last:
        return f"the log ends with {last}, the run says {record.tail}"
    if record.epoch < last.epoch:
        return f"the log has epoch {last.epoch}, the run is at {record.epoch}"
    return None


def _read(case: Case) -> tuple[EventReader, str | None]:
    reader = EventReader()
    for event_id, event in case.stored.log:
        try:
            reader.read(event)
        except (AssertionError, LookupError, TypeError) as error:
            return reader, f"{event.name} at {event_id}: {_said(error)}"
    status = case.stored.record.status
    if reader.run != status:
        return reader, f"the events end with {reader.run}, the run is {status}"
    return reader, None


def _check_records(verdict: Verdict, case: Case, reader: EventReader) -> None:
    records: list[Message | RunStep] = [*case.stored.steps, *case.messages]
    told, stored = set(reader.objects), {record.id for record in records}
    verdict.expect(
        "records",
        case.subject,
        told == stored,
        f"told but not stored: {sorted(told - stored)}; "
        f"stored but not told: {sorted(stored - told)}",
    )
    for record in records:
        if record.id in told:
            fault = _record_fault(reader, record)
            verdict.expect("records", case.subject, fault is None, f"{record.id}: {fault}")
    shown = case.stored.record.to_wire().model_dump(mode="json")
    last = _last_of_run(case)
    verdict.expect("records", case.subject, shown == last, "the run is not what was told last")


def _record_fault(reader: EventReader, record: Message | RunStep) -> str | None:
    try:
        reader.check_record(record)
    except AssertionError as error:
        return _said(error)
    return None


def _last_of_run(case: Case) -> dict[str, Any] | None:
    told = [event for _, event in case.stored.log if event.data["object"] == "thread.run"]
    return told[-1].data if told else None


def _said(error: Exception) -> str:
    """Return an assertion's own words, without what a test runner adds to them."""
    return str(error).partition("\n")[0] or type(error).__name__
