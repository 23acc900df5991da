"""One play: a scenario from its first request until nothing is left to happen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from core.records import RunRecord
from core.schema.runs import CreateRun, RunStatus, SubmitToolOutputs, ToolOutput
from tests.support.outside import Fault, OutsideCall
from tests.support.stage import Stage
from tests.support.steady_model import Says
from tests.support.world import TENANT

_SLOW_SECONDS: Final = 3


@dataclass(frozen=True, slots=True)
class Expected:
    """How a run ends, and what it leaves.

    Attributes:
        status: its last status.
        texts: of its completed messages, in their order.
        steps: the types of its completed steps, in their order.
        outputs: of its tool calls, by their ids; those of the client and of the tool worker.
        repeatable: the words that it begins with, if a runner that is killed after them and before
            it commits the calls that follow has them said again.
    """

    status: RunStatus
    texts: tuple[str, ...]
    steps: tuple[str, ...]
    outputs: Mapping[str, str] = field(default_factory=dict)
    repeatable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """Something that users do.

    Attributes:
        name: of the scenario.
        turns: what the model says.
        begin: makes the first request.
        expected: how the runs end, in the order of their creation.
        acts: by the arguments of each call that the tool worker carries out.
        seconds: how long it takes, if all goes well.
        copies: how often each message is delivered.
        lost: whether the first message for a step, and the first execution, never come.
    """

    name: str
    turns: "Callable[[Play], Mapping[str, Sequence[Says]]]"
    begin: "Callable[[Play], None]"
    expected: tuple[Expected, ...]
    acts: tuple[str, ...] = ()
    seconds: float = 1
    copies: int = 1
    lost: bool = False

    def __str__(self) -> str:
        return self.name


class Play:
    """A scenario on a stage, with a fault.

    Attributes:
        stage, scenario, fault: those.
        thread_id: where it takes place.
        runs: the ids of its runs, in the order in which clients know of them.
        calls: of the outside, as they were made.
        late: what was changed when all runs had ended.
    """

    def __init__(self, stage: Stage, scenario: Scenario, fault: Fault) -> None:
        self.stage, self.scenario, self.fault = stage, scenario, fault
        self.thread_id = stage.thread_id
        self.runs: list[str] = []
        self._ended_ms: dict[str, int] = {}
        self._submitted: set[tuple[str, int]] = set()
        self._cancelled = False
        self._changes_at_end: int | None = None
        self._began_ms = 0

    @property
    def calls(self) -> list[OutsideCall]:
        """The calls that were made."""
        return self.stage.outside.calls

    @property
    def seconds(self) -> float:
        """How long it took until all runs had ended."""
        return (max(self._ended_ms.values()) - self._began_ms) / 1000

    @property
    def late(self) -> list[OutsideCall]:
        """What was changed in the tables after that."""
        changed = self.stage.outside.changed[self._changes_at_end :]
        return [call for call in changed if call.service == "dynamodb"]

    def perform(self) -> None:
        """Play it until nothing is left to happen.

        Raises:
            AssertionError: a run does not end.
        """
        stage, scenario = self.stage, self.scenario
        stage.clear(self.fault)
        stage.model.turns = scenario.turns(self)
        stage.deliveries.copies = scenario.copies
        stage.deliveries.lose(1 if scenario.lost else 0)
        stage.deliveries.after = self._look
        self._began_ms = stage.world.clock()
        scenario.begin(self)
        stage.deliveries.play()
        missing = len(scenario.expected) - len(self._ended_ms)
        assert not missing, f"{missing} of {len(scenario.expected)} runs never end"

    def create(self, request: CreateRun, done: Callable[[], None] = lambda: None) -> None:
        """A client creates a run."""

        def known(run_id: str) -> None:
            self.runs.append(run_id)
            done()
            self._look()

        self.stage.client.create(self.thread_id, request, known)

    def cancel(self) -> None:
        """While the model hesitates, the client cancels the run."""
        self.stage.wait(_SLOW_SECONDS)
        if not self._cancelled and self.runs:
            self._cancelled = True
            self.stage.client.cancel(self.thread_id, self.runs[0], lambda _: None)
        self.stage.wait(_SLOW_SECONDS)

    def _look(self) -> None:
        """The client looks at its runs, and answers what it is asked."""
        with self.stage.outside.nobody():
            self._look_at_all()

    def _look_at_all(self) -> None:
        for run_id in self.runs:
            if run_id in self._ended_ms:
                continue
            run = self.stage.world.runner.runs.get(TENANT, self.thread_id, run_id)
            assert run is not None
            if run.ended:
                self._ended_ms[run_id] = self.stage.world.clock()
            elif run.status == "requires_action" and (run_id, run.step_no) not in self._submitted:
                self._submitted.add((run_id, run.step_no))
                self.stage.deliveries.later(0, lambda asked=run: self._submit(asked))  # type: ignore[misc]
        if len(self._ended_ms) == len(self.scenario.expected) and self._changes_at_end is None:
            self._changes_at_end = len(self.stage.outside.changed)

    def _submit(self, run: RunRecord) -> None:
        assert run.required_action is not None
        given = {
            call_id: output
            for expected in self.scenario.expected
            for call_id, output in expected.outputs.items()
        }
        outputs = [
            ToolOutput(tool_call_id=call.id, output=given[call.id])
            for call in run.required_action.submit_tool_outputs.tool_calls
        ]
        self.stage.client.submit(run.to_wire(), SubmitToolOutputs(tool_outputs=outputs))
