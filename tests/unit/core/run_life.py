"""A run from its creation to its end: the real builders of changes, applied to a picture in memory.

Whatever is applied is checked: the change starts from the run as it is, its events can be followed
by the strictest client, and its records say what its events say.
"""

from collections.abc import Sequence

from core.changes import Change
from core.endings import EndTrigger, claim, end_run, with_logged_content
from core.event_log import Event
from core.model import CallFragment, ModelChunk
from core.records import CallRecord, CallState, LateMessage, RunPhase
from core.run_machine import Trigger, run_event
from core.schema.messages import Message
from core.schema.runs import RunConfig, RunError, Usage
from core.schema.steps import RunStep
from core.step_planner import Fail, Toolbox, plan
from core.step_records import unanswered_functions, with_known_outputs
from core.tool_phase import record_output, submit_outputs
from core.turn_assembler import TurnAssembler
from core.turn_commit import abort_turn, cancel_instead, commit_turn
from tests.support.model import USAGE
from tests.support.runs import NOW, CountedIds, run_record, toolbox
from tests.unit.core.event_reader import EventReader

FAILURE = RunError(code="server_error", message="The model does not answer.")
TOOLS = toolbox(functions=("f", "g"), actions=("a", "b"))
LEASE_SECONDS = 30


class RunLife:
    """One run, its records, its log, and whoever works on it.

    Attributes:
        run: as stored; in the middle of a turn, as its worker wrote it last.
        steps, messages: the records that were put, by id.
        calls: the internal calls that were put, by their step's and their own id.
        log: all events.
        reader: has read them.
        released: how often the thread was let go.
        assembler: of the turn that is being streamed.
        late: what was said after the calls of the open step.
        sound: False once a change was applied that must not be.
    """

    def __init__(self, tools: Toolbox = TOOLS, config: RunConfig | None = None) -> None:
        self.tools = tools
        self.now = NOW
        self.run = run_record(config)
        self.steps: dict[str, RunStep] = {}
        self.messages: dict[str, Message] = {}
        self.calls: dict[tuple[str, str], CallRecord] = {}
        self.log: list[Event] = []
        self.reader = EventReader()
        self.released = 0
        self.assembler: TurnAssembler | None = None
        self.late: LateMessage | None = None
        self.sound = True
        self._ids = CountedIds()
        queued = run_event(self.run)
        self._tell((Event("thread.run.created", queued.data), queued))

    @property
    def names(self) -> list[str]:
        """The names of all events, without OpenAI's `thread.` prefix."""
        return [name.removeprefix("thread.") for name in self.reader.names]

    @property
    def open_step(self) -> RunStep | None:
        """The open step as it is stored."""
        return None if self.run.open_step is None else self.steps[self.run.open_step]

    @property
    def waiting_calls(self) -> list[CallRecord]:
        """The internal calls of the current tool phase that have no output yet."""
        if self.run.phase is not RunPhase.TOOLS:
            return []
        return [call for call in self._calls_of_step() if call.state is not CallState.DONE]

    # ---- a turn ---------------------------------------------------------------------------------

    def claim(self) -> None:
        """A worker takes the run; what an interrupted attempt left open is cleaned up."""
        self.now += LEASE_SECONDS + 1
        message, step = self._open_records()
        change = claim(
            self.run,
            owner=f"worker-{self.run.epoch}",
            lease_until_ms=(self.now + LEASE_SECONDS) * 1000,
            message=message,
            step=step,
            now=self.now,
        )
        self.apply(change)
        self.assembler = TurnAssembler(
            self.run, self._ids.new, lambda: self.now, self.tools.type_of
        )

    def hear(self, *chunks: ModelChunk, flushed: bool = False) -> None:
        """The model says something; each chunk is written at once if `flushed`."""
        for chunk in chunks:
            self.turn.push(chunk)
            if flushed:
                self.flush()

    def flush(self, *, fails: bool = False) -> None:
        """Write what has come; if that fails, it is written the next time."""
        draft = self.turn.take()
        if fails:
            self.turn.restore(draft)
        elif draft.messages or draft.steps:
            after = self.run.model_copy(
                update={"open_step": draft.open_step, "open_message": draft.open_message}
            )
            self.apply(Change(self.run, after, draft.events, draft.messages, draft.steps))
        else:
            self._tell(draft.events)

    def end_turn(
        self,
        finish_reason: str | None = "stop",
        *,
        usage: Usage | None = USAGE,
        cancelled: bool = False,
        calls_allowed: bool = True,
    ) -> None:
        """The model has ended: the turn is planned and committed, or the run cancelled instead."""
        self.hear(ModelChunk(finish_reason=finish_reason, usage=usage))
        turn = self.turn.finish()
        following = plan(
            turn, self.tools, bad_calls=self.run.bad_calls, calls_allowed=calls_allowed
        )
        change = commit_turn(self.run, self.turn, turn, following, self.tools, now=self.now)
        self.late = None if isinstance(following, Fail) else turn.late
        if cancelled:
            change = cancel_instead(change, now=self.now)
        self._let_go(change)

    def abort_turn(self, trigger: EndTrigger) -> None:
        """The turn is broken off for good, and the run with it."""
        error = FAILURE if trigger is Trigger.FAIL else None
        self._let_go(abort_turn(self.run, self.turn, trigger, now=self.now, error=error))

    def crash(self) -> None:
        """The worker dies; its lease runs out."""
        self.assembler = None

    # ---- between turns --------------------------------------------------------------------------

    def answer(self, call_id: str, output: str, *, failed: bool = False) -> None:
        """An internal call has its output."""
        step = self.open_step
        assert step is not None
        change = record_output(
            self.run,
            step,
            self._calls_of_step(),
            call_id=call_id,
            output=output,
            failed=failed,
            now=self.now,
        )
        self.apply(change)

    def submit(self) -> None:
        """The client answers what it was asked."""
        step = self.open_step
        assert step is not None
        outputs = {call.id: f"out {call.id}" for call in unanswered_functions(step)}
        self.apply(submit_outputs(self.run, step, outputs, now=self.now))

    def end(self, trigger: EndTrigger) -> None:
        """Somebody ends the run while nobody works on it."""
        message, step = self._open_records()
        error = FAILURE if trigger is Trigger.FAIL else None
        self.apply(
            end_run(self.run, trigger, message=message, step=step, now=self.now, error=error)
        )

    def apply(self, change: Change) -> None:
        """Write a change, and check it.

        Raises:
            AssertionError: it contradicts itself, or what was before.
        """
        assert change.before == self.run, "the change starts from another run"
        assert change.after.id == self.run.id
        self.sound = False
        self._check_puts(change)
        self._tell(change.events)
        self.run = change.after.model_copy(update={"epoch": self.run.epoch + 1})
        self.steps |= {step.id: step for step in change.steps}
        self.messages |= {message.id: message for message in change.messages}
        self.calls |= {(call.step_id, call.call_id): call for call in change.calls}
        self.released += change.releases_thread
        for step in change.steps:
            self.reader.check_record(step)
        for message in change.messages:
            self.reader.check_record(message)
        self._check_late()
        self.check()
        self.sound = True

    def check(self) -> None:
        """Fail unless the picture is one that may be seen at this moment.

        Raises:
            AssertionError: it is not.
        """
        run, reader = self.run, self.reader
        assert (run.open_step, run.open_message) == (reader.open_step, reader.open_message)
        assert run.status == reader.run
        assert run.to_wire().status == run.status
        steps = [step.id for step in self.steps.values() if step.status == "in_progress"]
        messages = [each.id for each in self.messages.values() if each.status == "in_progress"]
        assert steps == [run.open_step] * (run.open_step is not None)
        assert messages == [run.open_message] * (run.open_message is not None)
        assert self.released == run.ended
        assert (run.phase is RunPhase.ENDED) == run.ended
        assert (run.phase is RunPhase.CLIENT) == (run.status == "requires_action")
        assert run.pending_calls == len(self.waiting_calls)
        assert (run.phase is RunPhase.TOOLS) == bool(self.waiting_calls)
        assert run.late_message is None or run.phase in (RunPhase.TOOLS, RunPhase.CLIENT)
        self._check_usage()

    def _check_late(self) -> None:
        """Fail unless what was said after calls is kept until their step ends, and is told then."""
        late, run = self.late, self.run
        if late is None or run.open_step is not None:
            assert run.late_message == late
            return
        self.late = None
        told = self.messages.get(late.message_id)
        if run.status in ("failed", "cancelled", "expired") and told is None:
            return
        assert told is not None, "what was said after the calls is lost"
        assert told.content == late.content
        if run.status != "cancelled":
            # A run may be cancelled instead of ending with an answer that was cut short.
            assert told.status == ("incomplete" if run.status == "incomplete" else "completed")
        assert self.steps[late.step_id].status == "completed"
        assert max(self.steps) == late.step_id, "it is listed before its calls"
        # A run that was cancelled instead asks its model no more.
        assert late.step_id in run.late_steps or run.status == "cancelled"

    def _check_usage(self) -> None:
        """Fail unless the run has used what its steps have used."""
        spent = Usage()
        for step in self.steps.values():
            spent += step.usage or Usage()
        if self.run.status in ("completed", "incomplete", "requires_action"):
            assert spent == self.run.usage
        # A turn that broke off before it had a step has used tokens nevertheless.
        assert spent.total_tokens <= self.run.usage.total_tokens

    @property
    def turn(self) -> TurnAssembler:
        """The turn that is being streamed."""
        assert self.assembler is not None
        return self.assembler

    def _check_puts(self, change: Change) -> None:
        """Fail unless a transaction may put these records: each once, none that has ended."""
        steps = [step.id for step in change.steps]
        messages = [message.id for message in change.messages]
        calls = [(call.step_id, call.call_id) for call in change.calls]
        puts = [*steps, *messages, *calls]
        assert len(puts) == len(set(puts)), "a transaction writes an item once"
        assert all(
            self.steps[each].status == "in_progress" for each in steps if each in self.steps
        ), "an ended step is written again"
        assert all(
            self.messages[each].status == "in_progress"
            for each in messages
            if each in self.messages
        ), "an ended message is written again"
        assert all(
            self.calls[each].state is not CallState.DONE for each in calls if each in self.calls
        ), "an output is overwritten"

    def _let_go(self, change: Change) -> None:
        self.apply(change)
        self.run = self.run.model_copy(update={"lease_owner": None, "lease_until_ms": 0})
        self.assembler = None

    def _tell(self, events: Sequence[Event]) -> None:
        for event in events:
            self.reader.read(event)
        self.log += events

    def _calls_of_step(self) -> list[CallRecord]:
        step_id = self.run.open_step
        return [call for call in self.calls.values() if call.step_id == step_id]

    def _open_records(self) -> tuple[Message | None, RunStep | None]:
        open_message = self.run.open_message
        message = None if open_message is None else self.messages[open_message]
        if message is not None:
            message = with_logged_content(message, self.log)
        step = self.open_step
        if step is not None and self.run.phase is RunPhase.TOOLS:
            step = with_known_outputs(step, self._calls_of_step())
        return message, step


def say(*pieces: str) -> list[ModelChunk]:
    """Return chunks of text."""
    return [ModelChunk(text=piece) for piece in pieces]


def call_tools(**calls: str) -> list[ModelChunk]:
    """Return chunks that call tools: the calls' ids with the tools' names, without arguments."""
    return [
        ModelChunk(calls=(CallFragment(index, call_id, name, "{}"),))
        for index, (call_id, name) in enumerate(calls.items())
    ]
