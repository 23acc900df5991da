"""A worker's turn in a random schedule: streamed, written piece by piece, and committed."""

import random
from collections.abc import Callable, Generator, Iterator

from adapters.dynamodb.errors import CancelRequested
from core.changes import Change
from core.context import build_request
from core.endings import EndTrigger, rest
from core.event_log import Cursor
from core.message_turns import joined_text
from core.model import CallFragment, ModelChunk
from core.records import RunRecord
from core.run_machine import Trigger
from core.step_planner import plan
from core.turn_assembler import TurnAssembler
from core.turn_commit import abort_turn, cancel_instead, commit_turn
from tests.support.runs import CountedIds, toolbox
from tests.unit.core.run_protocol_store import RunStore

TOOLS = toolbox(functions=("f",), actions=("a", "b"))
LEASE_SECONDS = 30
MAX_STEPS = 3
LATE = "I have called them."


class StreamedTurn:
    """A worker's turn: it asks the model, writes what comes, and commits.

    Args:
        store: the tables.
        rng: draws what the model says.
        ids: makes ids.
        run: the run as claimed.
        cursor: the worker's place in the log.
        is_over: tells whether the run's time is over.
    """

    def __init__(
        self,
        store: RunStore,
        rng: random.Random,
        ids: CountedIds,
        run: RunRecord,
        cursor: Cursor,
        is_over: Callable[[RunRecord], bool],
    ) -> None:
        self._store = store
        self._rng = rng
        self._ids = ids
        self._run = run
        self._cursor = cursor
        self._is_over = is_over
        self._assembler = TurnAssembler(run, ids.new, lambda: self._now, TOOLS.type_of)

    def stream(self) -> Generator[None, None, RunRecord | None]:
        """Return the run as committed; None if the attempt broke off.

        Raises:
            LeaseLost: another worker has the run.
        """
        self._ask()
        if self._rng.random() < 0.1:
            yield
            return (yield from self._rest())
        breaks_off = self._rng.random() < 0.1
        for chunk in self._says():
            yield
            self._assembler.push(chunk)
            try:
                self._flush()
            except CancelRequested:
                return (yield from self._abort(Trigger.CANCELLED))
            yield
            if self._is_over(self._run):
                return (yield from self._abort(Trigger.EXPIRE))
            until_ms = self._store.now_ms + LEASE_SECONDS * 1000
            if self._rng.random() < 0.3 and self._store.renew(self._run, until_ms):
                return (yield from self._abort(Trigger.CANCELLED))
            if breaks_off and self._rng.random() < 0.5:
                yield
                self._store.renew(self._run, self._store.now_ms - 1)
                return None
        yield
        return (yield from self._commit())

    @property
    def _now(self) -> int:
        return self._store.now_ms // 1000

    def _ask(self) -> None:
        """Build the request, as the model gets it: no earlier call may lack its output."""
        steps = [step for _, step in sorted(self._store.steps.items())]
        messages = self._store.messages
        request = build_request(self._run, [], steps, messages, {}, {}, calls_allowed=True)
        outputs = [turn["content"] for turn in request.messages if turn["role"] == "tool"]
        assert all(outputs), "an output is lost"
        asked = [turn for turn in request.messages if turn["role"] == "assistant"]
        assert all(turn["tool_calls"] for turn in asked), "a turn without calls"
        heard = sum((turn["content"] or "").count(LATE) for turn in asked)
        written = [message for message in messages.values() if joined_text(message) == LATE]
        assert heard == len(written), "what was said after the calls is not told"

    def _says(self) -> Iterator[ModelChunk]:
        rng = self._rng
        if rng.random() < 0.6:
            for piece in rng.choices(["Hel", "lo", "!"], k=rng.randint(1, 6)):
                yield ModelChunk(text=piece)
        if self._run.step_no < MAX_STEPS and rng.random() < 0.7:
            for index in range(rng.randint(1, 3)):
                name = rng.choice(["f", "a", "a", "b", "nobody"])
                call_id = self._ids.new("call")
                yield ModelChunk(calls=(CallFragment(index, call_id, name, "{}"),))
            if rng.random() < 0.3:
                yield ModelChunk(text=LATE)
        yield ModelChunk(finish_reason=rng.choice(["stop"] * 9 + ["length"]))

    def _flush(self) -> None:
        draft = self._assembler.take()
        if draft.messages or draft.steps:
            after = self._run.model_copy(
                update={"open_step": draft.open_step, "open_message": draft.open_message}
            )
            change = Change(self._run, after, draft.events, draft.messages, draft.steps)
            try:
                self._run = self._store.commit(change, self._cursor, release=False)
            except CancelRequested:
                self._assembler.restore(draft)
                raise
        elif draft.events:
            self._store.append(self._cursor, draft.events)

    def _abort(self, trigger: EndTrigger) -> Generator[None, None, RunRecord]:
        yield
        return (
            yield from self._write(abort_turn(self._run, self._assembler, trigger, now=self._now))
        )

    def _rest(self) -> Generator[None, None, RunRecord]:
        """The model cannot be asked now: the run is let go of for a while."""
        until_ms = self._store.now_ms + self._rng.choice([5_000, 40_000, 300_000])
        return (yield from self._write(rest(self._run, until_ms=until_ms)))

    def _commit(self) -> Generator[None, None, RunRecord]:
        turn = self._assembler.finish()
        following = plan(turn, TOOLS, bad_calls=self._run.bad_calls, calls_allowed=True)
        yield
        return (
            yield from self._write(
                commit_turn(self._run, self._assembler, turn, following, TOOLS, now=self._now)
            )
        )

    def _write(self, change: Change) -> Generator[None, None, RunRecord]:
        try:
            return self._store.commit(change, self._cursor, release=True)
        except CancelRequested:
            yield
            cancelled = cancel_instead(change, now=self._now)
            return self._store.commit(cancelled, self._cursor, release=True)
