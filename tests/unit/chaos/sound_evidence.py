"""Evidence of a short session in which all went well, although attempts were interrupted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.event_log import Cursor, Event
from core.lifetimes import ThreadLock
from core.model import CallFragment, ModelChunk
from core.records import RunRecord
from core.schema.messages import Message
from core.tool_phase import submit_outputs
from tests.chaos.conversing import output_of
from tests.chaos.notes import note_of
from tests.chaos.picture import Evidence, Picture, StoredRun, StoredThread
from tests.chaos.plan import (
    LOOK_UP,
    TAG,
    WRITE_NOTE,
    Conversation,
    PlannedCall,
    PlannedTurn,
    RunPlan,
)
from tests.chaos.reports import RunReport
from tests.support.runs import RUN, THREAD, toolbox, user_message
from tests.support.world import run_config
from tests.unit.core.run_life import RunLife, say
from threadrunner_client import Event as HeardEvent

NOTE = PlannedCall(WRITE_NOTE, {"number": 1, "seconds": 0.5})
LOOK = PlannedCall(LOOK_UP, {"number": 2})
PLAN = RunPlan(
    tag="chaos-1-run-1",
    kind="both",
    turns=(PlannedTurn(3, 20, (NOTE, LOOK)), PlannedTurn(4, 20)),
    watch_after=0.0,
)
CONVERSATION = Conversation("chaos-1-thread-1", (PLAN,), in_line=False, way="gateway")
_EVENTS_A_BATCH = 3


def sound_evidence() -> Evidence:
    """Return the evidence: a run with both kinds of calls, whose turns took two attempts each.

    Its first attempt was interrupted when the text was said and the calls had begun.
    """
    life = RunLife(
        toolbox(functions=(LOOK_UP,), actions=(WRITE_NOTE,)), run_config(metadata={TAG: PLAN.tag})
    )
    for interrupted in (True, False):
        life.claim()
        life.hear(*say("1", " 2", " 3"), flushed=True)
        life.hear(*_calls(NOTE, LOOK), flushed=True)
        if interrupted:
            life.crash()
    life.end_turn("tool_calls")
    (call,) = life.waiting_calls
    key = f"{RUN}-{call.step_id}-{call.index}"
    life.answer(call.call_id, note_of(key))
    _submit(life)
    life.claim()
    life.hear(*say("1", " 2"), flushed=True)
    life.crash()
    life.claim()
    life.hear(*say("1", " 2", " 3", " 4"))
    life.end_turn()
    stored = _stored(life)
    lock = ThreadLock(last_active=life.now)
    question = user_message(PLAN.question, "msg_0000", metadata={TAG: PLAN.tag})
    messages = (question, *life.messages.values())
    thread = StoredThread(THREAD, {TAG: CONVERSATION.tag}, lock, messages)
    report = RunReport(PLAN.tag, RUN, submitted=["call_look"], transcript=_heard(stored))
    return Evidence([CONVERSATION], [report], Picture((thread,), (stored,)), {key: 1}, {})


@dataclass(frozen=True, slots=True)
class Tampering:
    """Hands that change one thing of a session's evidence."""

    evidence: Evidence

    @property
    def run(self) -> StoredRun:
        """The run."""
        return self.evidence.picture.runs[0]

    @property
    def thread(self) -> StoredThread:
        """Its thread."""
        return self.evidence.picture.threads[0]

    @property
    def report(self) -> RunReport:
        """What its client reports; it may be written into."""
        return self.evidence.reports[0]

    def with_run(self, **fields: Any) -> Evidence:
        """Return the evidence with other parts of the stored run."""
        return self.with_picture(runs=(replace(self.run, **fields),))

    def with_record(self, **fields: Any) -> Evidence:
        """Return the evidence with other fields of the run's record."""
        return self.with_run(record=self.run.record.model_copy(update=fields))

    def with_thread(self, **fields: Any) -> Evidence:
        """Return the evidence with other parts of the stored thread."""
        return self.with_picture(threads=(replace(self.thread, **fields),))

    def with_message(self, place: int, **fields: Any) -> Evidence:
        """Return the evidence with other fields of one of the thread's messages."""
        messages = list(self.thread.messages)
        messages[place] = messages[place].model_copy(update=fields)
        return self.with_thread(messages=tuple(messages))

    def with_step(self, place: int, **fields: Any) -> Evidence:
        """Return the evidence with other fields of one of the run's steps."""
        steps = list(self.run.steps)
        steps[place] = steps[place].model_copy(update=fields)
        return self.with_run(steps=tuple(steps))

    def with_picture(self, **fields: Any) -> Evidence:
        """Return the evidence with other parts of what is stored."""
        return replace(self.evidence, picture=replace(self.evidence.picture, **fields))


def _calls(*calls: PlannedCall) -> list[ModelChunk]:
    ids = {WRITE_NOTE: "call_note", LOOK_UP: "call_look"}
    return [
        ModelChunk(calls=(CallFragment(index, ids[call.name], call.name, call.raw_arguments),))
        for index, call in enumerate(calls)
    ]


def _submit(life: RunLife) -> None:
    step = life.open_step
    assert step is not None
    outputs = {"call_look": output_of(LOOK.raw_arguments)}
    life.apply(submit_outputs(life.run, step, outputs, now=life.now))


def _stored(life: RunLife) -> StoredRun:
    """Return a run as it would be stored: its log in batches, of which an epoch has two."""
    cursor = Cursor(0, None)
    batches = []
    for number, events in enumerate(_in_batches(life.log)):
        if number and number % 2 == 0:
            cursor = Cursor(cursor.epoch + 1, cursor.last)
        batch = cursor.batch(events)
        cursor.advance(batch)
        batches.append(batch)
    record: RunRecord = life.run.model_copy(
        update={"epoch": cursor.epoch, "tail": cursor.last, "base": batches[-1].after}
    )
    return StoredRun(record, tuple(life.steps.values()), tuple(life.calls.values()), tuple(batches))


def _in_batches(events: Sequence[Event]) -> list[Sequence[Event]]:
    return [
        events[start : start + _EVENTS_A_BATCH] for start in range(0, len(events), _EVENTS_A_BATCH)
    ]


def _heard(stored: StoredRun) -> list[HeardEvent]:
    return [
        HeardEvent(str(event_id), event.name, event.data, RUN, THREAD)
        for event_id, event in stored.log
    ]


def text_message(message: Message, text: str) -> list[Any]:
    """Return the content of a message with another text."""
    (part,) = message.content
    assert part.type == "text"
    return [part.model_copy(update={"text": part.text.model_copy(update={"value": text})})]
