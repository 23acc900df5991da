"""Random schedules of the programs that work on a run: crashes, zombies, doubled messages."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from core.jobs import CheckJob
from core.records import CallState, RunRecord
from core.schema.steps import ToolCallsDetails
from tests.unit.core.event_reader import EventReader
from tests.unit.core.run_protocol_programs import DOUBT, Program, Programs
from tests.unit.core.run_protocol_store import Flaw

MAX_DELIVERIES = 8
API_SECONDS = 29
RUNNER_SECONDS = 900
MACHINE_SECONDS = 300
# After this long SQS delivers a message again that nobody has deleted.
STEPS_VISIBLE_AGAIN = 960
TIMERS_VISIBLE_AGAIN = 180
_GIVE_UP_MS = 6_000_000
_MOST_MOVES = 30_000


@dataclass(eq=False)
class Process:
    """A running function."""

    program: Program
    ends_at_ms: int


class RunProtocolWorld(Programs):
    """One schedule.

    Args:
        rng: draws whatever may happen next.
        crashes: how many processes may die at most.
        flaw: what is wrong with the protocol, if anything is.
    """

    def __init__(self, rng: random.Random, crashes: int, flaw: Flaw | None = None) -> None:
        super().__init__(rng, flaw)
        self._crashes = crashes
        self._most_crashes = crashes
        self._processes: list[Process] = []
        self._cancels = rng.random() < 0.25
        self._answers = rng.random() < 0.9
        self._start(self.api_create(), API_SECONDS)

    def run(self) -> None:
        """Let things happen until the run has ended and nobody works any more."""
        for _ in range(_MOST_MOVES):
            run = self.store.run
            if not self._processes and (run is None or (run.ended and not self.machines)):
                return
            self.store.now_ms += self._rng.choice([0, 0, 0, 1000, 1000, 3000])
            moves = self._moves()
            if moves:
                self._rng.choice(moves)()
            else:
                self.store.now_ms += 5000
            assert self.store.now_ms < _GIVE_UP_MS, "the run never ends"
        raise AssertionError("the run never ends")

    def check(self) -> None:
        """Fail unless the run came to a good end."""
        store, run = self.store, self.store.run
        if run is None:
            assert not store.locked
            return
        assert run.ended
        assert not store.locked, "the thread stays locked"
        assert store.releases == 1, "the thread is let go more than once"
        late_seconds = store.ended_at_ms // 1000 - self.expires_at
        assert late_seconds <= 120 + 300 * self._most_crashes, "the run outlives its time"
        assert all(count == 1 for count in store.commits.values()), "a step is committed twice"
        assert all(count == 1 for count in self.acted.values()), "a tool acts twice"
        for call in store.calls.values():
            settled = call.state is CallState.DONE and call.failed
            is_denied = settled and DOUBT not in (call.output or "")
            assert not (is_denied and self.acted[call.call_id]), "a tool acts that was not called"
        on_chain = {batch.last for batch in store.chain()}
        assert on_chain >= set(store.promised), "a committed event is void"
        self._check_told(run)
        if run.status == "completed":
            for step in store.steps.values():
                assert step.status != "in_progress"
                assert step.status != "completed" or not _open_calls(step.step_details)
            assert all(call.state is CallState.DONE for call in store.calls.values())

    def _check_told(self, run: RunRecord) -> None:
        reader = EventReader()
        for batch in self.store.chain():
            for event in batch.events:
                reader.read(event)
        assert (reader.run, reader.open_step, reader.open_message) == (run.status, None, None)
        assert set(reader.objects) == {*self.store.steps, *self.store.messages}
        for step in self.store.steps.values():
            reader.check_record(step)
        for message in self.store.messages.values():
            reader.check_record(message)

    def _moves(self) -> list[Callable[[], None]]:
        now_ms, run = self.store.now_ms, self.store.run
        moves: list[Callable[[], None]] = [self._go_on] * len(self._processes)
        due = sum(message.visible_at_ms <= now_ms for message in self.queue)
        moves += [self._deliver] * min(2, due)
        if self.machines:
            moves.append(self._execute)
        if run is None:
            return moves
        if run.status == "requires_action" and self._answers and self._rng.random() < 0.5:
            moves.append(lambda: self._start(self.api_submit(), API_SECONDS))
        if self._cancels and self._rng.random() < 0.03:
            moves.append(self._cancel)
        return moves

    def _go_on(self) -> None:
        process = self._rng.choice(self._processes)
        fate = self._rng.random()
        if self.store.now_ms > process.ends_at_ms:
            self._end(process)
        elif fate < 0.04 and self._crashes:
            self._crashes -= 1
            self._end(process)
        elif fate < 0.06 and self._crashes:
            # Everybody sleeps: leases run out, and their holders do not know.
            self.store.now_ms += 40_000
        elif next(process.program, self) is self:
            self._processes.remove(process)

    def _deliver(self) -> None:
        due = [each for each in self.queue if each.visible_at_ms <= self.store.now_ms]
        message = self._rng.choice(due)
        message.deliveries += 1
        if isinstance(message.job, CheckJob):
            message.visible_at_ms = self.store.now_ms + TIMERS_VISIBLE_AGAIN * 1000
            self._start(self.timers(message.job, message), API_SECONDS)
        elif message.deliveries > MAX_DELIVERIES:
            self._start(self.dead_letters(message.job, message), API_SECONDS)
        else:
            message.visible_at_ms = self.store.now_ms + STEPS_VISIBLE_AGAIN * 1000
            self._start(self.runner(message.job, message), RUNNER_SECONDS)

    def _execute(self) -> None:
        phase = self.machines.pop(self._rng.randrange(len(self.machines)))
        if self._crashes and self._rng.random() < 0.05:
            self._crashes -= 1
        else:
            self._start(self.machine(phase), MACHINE_SECONDS)

    def _cancel(self) -> None:
        self._cancels = False
        self._start(self.api_cancel(), API_SECONDS)

    def _start(self, program: Program, seconds: int) -> None:
        self._processes.append(Process(program, self.store.now_ms + seconds * 1000))

    def _end(self, process: Process) -> None:
        self._processes.remove(process)
        process.program.close()


def _open_calls(details: object) -> bool:
    if not isinstance(details, ToolCallsDetails):
        return False
    return any(call.called.output is None for call in details.tool_calls)
