"""Any life of a run: what is written and what is told agree, and everything that opens closes."""

from typing import get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.endings import EndTrigger
from core.model import ModelChunk
from core.records import RunPhase
from core.run_machine import IllegalTransition, Trigger
from core.schema.runs import Usage
from tests.support.model import USAGE
from tests.unit.core.model_turns import ANY_CHUNK, OBJECTS, SaidCalls, said_calls
from tests.unit.core.run_life import RunLife

# Two functions, two actions, and a tool that does not exist.
KNOWN = st.sampled_from(["f", "g", "a", "b"])
NAMES = KNOWN | st.just("nobody")
ENDS: st.SearchStrategy[EndTrigger] = st.sampled_from(get_args(EndTrigger))
SELDOM = st.integers(0, 5).map(lambda number: number == 5)


class RunLives(RuleBasedStateMachine):
    """Walks a run through whatever may happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.life = RunLife()

    def is_streaming(self) -> bool:
        """Whether a worker streams a turn."""
        return self.life.assembler is not None

    def is_left_alone(self) -> bool:
        """Whether nobody works on the run, and it has not ended."""
        return self.life.assembler is None and not self.life.run.ended

    @precondition(is_left_alone)
    @rule(data=st.data(), output=st.text(max_size=5), failed=st.booleans())
    def go_on(self, data: st.DataObject, output: str, failed: bool) -> None:
        life = self.life
        if life.run.phase is RunPhase.READY:
            life.claim()
        elif life.run.phase is RunPhase.CLIENT:
            life.submit()
        else:
            call = data.draw(st.sampled_from(life.waiting_calls))
            life.answer(call.call_id, output, failed=failed)

    @precondition(is_left_alone)
    @rule(trigger=ENDS, really=SELDOM)
    def end(self, trigger: EndTrigger, really: bool) -> None:
        if really:
            self.life.end(trigger)

    @precondition(is_streaming)
    @rule(chunk=ANY_CHUNK)
    def hear_anything(self, chunk: ModelChunk) -> None:
        self.life.hear(chunk)

    @precondition(is_streaming)
    @rule(
        said=said_calls(KNOWN, OBJECTS) | said_calls(NAMES),
        together=st.booleans(),
        flushed=st.booleans(),
    )
    def hear_calls(self, said: SaidCalls, together: bool, flushed: bool) -> None:
        pieces = [said.fragments] if together else [(each,) for each in said.fragments]
        self.life.hear(*(ModelChunk(calls=tuple(each)) for each in pieces), flushed=flushed)

    @precondition(is_streaming)
    @rule(fails=st.booleans())
    def flush(self, fails: bool) -> None:
        self.life.flush(fails=fails)

    @precondition(is_streaming)
    @rule(
        reason=st.sampled_from(["stop", "tool_calls", None, "length", "content_filter"]),
        usage=st.sampled_from([USAGE, None]),
        cancelled=SELDOM,
        in_words=SELDOM,
    )
    def end_turn(
        self, reason: str | None, usage: Usage | None, cancelled: bool, in_words: bool
    ) -> None:
        self.life.end_turn(reason, usage=usage, cancelled=cancelled, calls_allowed=not in_words)

    @precondition(is_streaming)
    @rule(trigger=st.none() | ENDS, really=SELDOM)
    def break_off(self, trigger: EndTrigger | None, really: bool) -> None:
        if really and trigger is None:
            self.life.crash()
        elif really and trigger is not None:
            self.life.abort_turn(trigger)

    @precondition(lambda self: self.life.run.ended)
    @rule(trigger=ENDS)
    def begin_anew(self, trigger: EndTrigger) -> None:
        with pytest.raises(IllegalTransition):
            self.life.end(trigger)
        with pytest.raises(IllegalTransition):
            self.life.claim()
        self.life = RunLife()

    @invariant()
    def what_is_open_is_stored_and_told_as_open(self) -> None:
        self.life.check()

    def teardown(self) -> None:
        """Whatever has happened: the run can be ended, and then nothing of it is open."""
        life = self.life
        if not life.sound:
            return
        if not life.run.ended:
            life.crash()
            life.end(Trigger.EXPIRE)
        assert life.released == 1
        assert life.run.open_step is None
        assert life.run.pending_calls == 0


TestRunLives = RunLives.TestCase
TestRunLives.settings = settings(max_examples=120, stateful_step_count=40)
