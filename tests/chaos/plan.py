"""What the clients will do: conversations drawn from a seed, and what must come of each run."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Literal

from core.records import TERMINAL
from core.schema.runs import RunStatus
from tests.support.service import tokens

LOOK_UP: Final = "look_up"  # a function, which the client answers
WRITE_NOTE: Final = "write_note"  # an action, which the tool worker carries out
TAG: Final = "chaos"  # the metadata by which threads, messages and runs are told apart

Strategy = Literal["reject", "enqueue", "interrupt"]
Way = Literal["gateway", "uvicorn"]


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A tool call that the model makes.

    Attributes:
        name: `LOOK_UP` or `WRITE_NOTE`.
        arguments: tell it apart from all other calls.
    """

    name: str
    arguments: dict[str, Any]

    @property
    def raw_arguments(self) -> str:
        """The arguments as the model writes them."""
        return json.dumps(self.arguments, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class PlannedTurn:
    """One answer of the model.

    Attributes:
        count: its numbered tokens; 0 for an answer without text.
        rate: tokens a second.
        calls: what it calls after the text.
        faults: fields of a scripted turn by which the answer fails for a while.
    """

    count: int
    rate: float
    calls: tuple[PlannedCall, ...] = ()
    faults: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What it says."""
        return tokens(self.count)

    def scripted(self) -> dict[str, Any]:
        """Return the turn as the scripted model takes it."""
        turn: dict[str, Any] = {"rate": self.rate, **self.faults}
        if self.count:
            turn["text"] = {"tokens": self.count}
        if self.calls:
            turn["calls"] = [
                {"name": call.name, "arguments": call.arguments} for call in self.calls
            ]
        return turn


@dataclass(frozen=True, slots=True)
class RunPlan:
    """One run.

    Attributes:
        tag: names it, in its metadata and its question's.
        kind: what it is to show, for people.
        turns: what the model answers.
        strategy: what becomes of it if a run is active on its thread.
        cancel_after: seconds after its creation at which its client cancels it, if it does.
        expires_after: seconds after its creation at which it expires, if it is given a time.
        answered: whether its client answers its function calls.
        interrupted: whether a later run of its thread interrupts it.
        watch_after: seconds after its creation at which a watcher joins, if one does.
        asks_with_run: whether the question comes in the run's own request.
    """

    tag: str
    kind: str
    turns: tuple[PlannedTurn, ...]
    strategy: Strategy = "reject"
    cancel_after: float | None = None
    expires_after: int | None = None
    answered: bool = True
    interrupted: bool = False
    watch_after: float | None = None
    asks_with_run: bool = False

    @property
    def question(self) -> str:
        """The user's message: it tells the model what to answer."""
        turns = [turn.scripted() for turn in self.turns]
        return "@script " + json.dumps({"name": self.tag, "turns": turns})

    @property
    def calls(self) -> tuple[PlannedCall, ...]:
        """All calls, in the order of the turns."""
        return tuple(call for turn in self.turns for call in turn.calls)

    @property
    def ends(self) -> frozenset[RunStatus]:
        """How it may end, if nobody gives it up."""
        if not self.answered:
            ends: set[RunStatus] = {"expired"}
        else:
            ends = {"completed"}
        if self.cancel_after is not None or self.interrupted:
            ends.add("cancelled")
        assert ends <= TERMINAL
        return frozenset(ends)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A thread and its runs.

    Attributes:
        tag: names the thread, in its metadata.
        runs: in their order.
        in_line: whether all are created at once, so that they wait for each other; otherwise each
            is created when the one before it has ended.
        way: which of the two ways to the API its client takes.
    """

    tag: str
    runs: tuple[RunPlan, ...]
    in_line: bool
    way: Way


def plan_conversations(
    session: str, random: Random, runs: int, kinds: Sequence[str] | None = None
) -> list[Conversation]:
    """Draw conversations that have so many runs together.

    Args:
        session: begins every tag.
        random: what is drawn from; the same state gives the same conversations.
        runs: how many runs.
        kinds: the kinds of runs to draw from; all of them unless given.
    """
    draw = _Draw(session, random, kinds or tuple(_WEIGHTS))
    conversations: list[Conversation] = []
    while (left := runs - draw.made) > 0:
        conversations.append(draw.conversation(left))
    return conversations


_WEIGHTS: Final = {
    "plain": 22,
    "long": 8,
    "function": 14,
    "action": 16,
    "both": 8,
    "two-rounds": 5,
    "refused": 8,
    "broken": 8,
    "cancelled": 8,
    "unanswered": 3,
}
_IN_LINE: Final = 0.12
_WATCHED: Final = 0.35
_THROUGH_THE_GATEWAY: Final = 0.7


class _Draw:
    def __init__(self, session: str, random: Random, kinds: Sequence[str]) -> None:
        self.made = 0
        self._session = session
        self._random = random
        self._kinds = list(kinds)
        self._weights = [_WEIGHTS[kind] for kind in kinds]
        self._calls = 0

    def conversation(self, most: int) -> Conversation:
        random = self._random
        tag = f"{self._session}-thread-{self.made + 1}"
        in_line = most > 2 and random.random() < _IN_LINE
        if in_line:
            runs = self._line(min(most, random.randint(3, 5)))
        else:
            runs = [self._run() for _ in range(min(most, random.choice((1, 1, 2, 3))))]
        way: Way = "gateway" if random.random() < _THROUGH_THE_GATEWAY else "uvicorn"
        return Conversation(tag, tuple(runs), in_line, way)

    def _line(self, count: int) -> list[RunPlan]:
        """Return runs that wait for each other; the last may interrupt those before it."""
        interrupts = self._random.random() < 0.4
        runs = []
        for place in range(count):
            last = place == count - 1
            strategy: Strategy = "interrupt" if last and interrupts else "enqueue"
            runs.append(
                RunPlan(
                    tag=self._tag(),
                    kind="interrupting" if strategy == "interrupt" else "waiting",
                    turns=(self._answer(5, 80, 20),),
                    strategy=strategy,
                    interrupted=interrupts and not last,
                    watch_after=self._watch(),
                    asks_with_run=True,
                )
            )
        return runs

    def _run(self) -> RunPlan:
        (kind,) = self._random.choices(self._kinds, self._weights)
        tag = self._tag()
        fields = getattr(self, "_" + kind.replace("-", "_"))()
        return RunPlan(
            tag=tag,
            kind=kind,
            watch_after=self._watch(),
            asks_with_run=self._random.random() < 0.5,
            **fields,
        )

    # ---- kinds ----------------------------------------------------------------------------------

    def _plain(self) -> dict[str, Any]:
        return {"turns": (self._answer(5, 120, self._random.choice((15, 40, 100))),)}

    def _long(self) -> dict[str, Any]:
        return {"turns": (self._answer(200, 450, self._random.choice((25, 40))),)}

    def _function(self) -> dict[str, Any]:
        calls = self._look_ups(self._random.randint(1, 2))
        return {"turns": (self._answer(0, 25, 20, calls), self._answer(5, 60, 30))}

    def _action(self) -> dict[str, Any]:
        calls = self._notes(self._random.choice((1, 1, 2, 3, 5)))
        return {"turns": (self._answer(0, 15, 20, calls), self._answer(5, 60, 30))}

    def _both(self) -> dict[str, Any]:
        calls = [*self._notes(self._random.randint(1, 3)), *self._look_ups(1)]
        self._random.shuffle(calls)
        return {"turns": (self._answer(0, 15, 20, calls), self._answer(5, 60, 30))}

    def _two_rounds(self) -> dict[str, Any]:
        first, second = self._notes(2), self._look_ups(1)
        return {
            "turns": (
                self._answer(3, 15, 20, first),
                self._answer(3, 15, 20, second),
                self._answer(5, 60, 30),
            )
        }

    def _refused(self) -> dict[str, Any]:
        failure: dict[str, Any] = {
            "status": self._random.choice((429, 500, 503)),
            "times": self._random.randint(1, 2),
        }
        if failure["status"] == 429:
            failure["retry_after"] = 1
        return {"turns": (self._answer(5, 60, 30, faults={"fail": failure}),)}

    def _broken(self) -> dict[str, Any]:
        """Return an answer that is cut or falls silent in its middle, once."""
        place = self._random.randint(1, 25)
        cut = {"cut_after": place, "cut_times": 1}
        # Longer than the model may be silent on this stack.
        stall = {"stall_after": place, "stall": 20, "stall_times": 1}
        return {"turns": (self._answer(30, 80, 30, faults=self._random.choice((cut, stall))),)}

    def _cancelled(self) -> dict[str, Any]:
        base = self._random.choice((self._long, self._long, self._action, self._both))
        return base() | {"cancel_after": round(self._random.uniform(0, 8), 2)}

    def _unanswered(self) -> dict[str, Any]:
        return self._function() | {
            "answered": False,
            "expires_after": self._random.randint(10, 25),
        }

    # ---- parts ----------------------------------------------------------------------------------

    def _answer(
        self,
        least: int,
        most: int,
        rate: float,
        calls: Sequence[PlannedCall] = (),
        faults: dict[str, Any] | None = None,
    ) -> PlannedTurn:
        return PlannedTurn(self._random.randint(least, most), rate, tuple(calls), faults or {})

    def _look_ups(self, count: int) -> list[PlannedCall]:
        return [PlannedCall(LOOK_UP, {"number": self._number()}) for _ in range(count)]

    def _notes(self, count: int) -> list[PlannedCall]:
        return [
            PlannedCall(
                WRITE_NOTE,
                {"number": self._number(), "seconds": round(self._random.uniform(0, 3), 2)},
            )
            for _ in range(count)
        ]

    def _number(self) -> int:
        self._calls += 1
        return self._calls

    def _tag(self) -> str:
        self.made += 1
        return f"{self._session}-run-{self.made}"

    def _watch(self) -> float | None:
        if self._random.random() >= _WATCHED:
            return None
        return self._random.choice((0.0, 0.0, round(self._random.uniform(0.5, 10), 2)))
