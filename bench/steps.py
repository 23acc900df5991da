"""What each part of a run asks of AWS: requests, request units, messages and pushes.

    make bench

prints the second table of docs/costs.md. The real handlers on moto; nothing in it depends on time.
"""

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest

from adapters.dynamodb.subscriptions import Subscription
from adapters.push import Pusher
from adapters.run_writer import RunWriter
from bench.endpoints import emulated, spelled
from bench.meter import Meter
from core.access import Access
from core.jobs import CheckJob, StepJob, ToolTask
from core.records import RunRecord
from runner import step as runner_step
from runner.timers import check
from tests.support.model import call, stop, text
from tests.support.steady_model import take_one_by_one
from tests.support.tools import ScriptedTool, offer_action
from tests.support.world import REGION, TENANT, Killed, World, function_tool
from tool_worker.handler import carry_out
from wiring.telemetry import log_failure

_LEASE_SECONDS = 31
_MANY = 8
HEADER = (
    "| part of a run | DynamoDB requests | read units | write units | messages | executions "
    "| pushes |\n"
    "|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class StepCost:
    """What one part of a run used.

    Attributes:
        part: which one.
        requests: of DynamoDB, by operation.
        read_units, write_units: DynamoDB's request units.
        messages: sent to queues.
        executions: of the tools' state machine that were started.
        pushes: to WebSocket connections.
    """

    part: str
    requests: str
    read_units: float
    write_units: float
    messages: int
    executions: int
    pushes: int

    def row(self) -> str:
        """Return it as a row of the table."""
        cells = (
            self.part,
            self.requests or "none",
            f"{self.read_units:g}",
            f"{self.write_units:g}",
            str(self.messages),
            str(self.executions),
            str(self.pushes),
        )
        return f"| {' | '.join(cells)} |"


class _Gateway:
    """Takes whatever is pushed, and counts it."""

    def __init__(self) -> None:
        self.pushes = 0
        self.exceptions = boto3.client("apigatewaymanagementapi", region_name=REGION).exceptions

    def post_to_connection(self, **_push: Any) -> None:
        self.pushes += 1


class _AtOnce(Executor):
    """Carries out what is submitted at once, so that requests are counted one after the other."""

    def submit(self, work: Any, /, *arguments: Any, **named: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        done.set_result(work(*arguments, **named))
        return done


class StepBench:
    """A world whose every call of AWS is counted.

    Args:
        world: the stores and queues; its pusher becomes a real one.
    """

    def __init__(self, world: World) -> None:
        self.gateway = _Gateway()
        stores = world.runner
        client: Any = self.gateway
        self._pusher = Pusher(client, stores.subscriptions, look_seconds=0)
        self._pusher._order = self._pusher._pool = _AtOnce()  # type: ignore[assignment]
        writer = RunWriter(
            stores.runs, stores.calls, self._pusher, world.clock, world.queues, log_failure
        )
        parts: dict[str, Any] = {"pusher": self._pusher, "writer": writer}
        # Each chunk is written as it comes: what a flush costs does not depend on the machine.
        settings = stores.settings.model_copy(update={"flush_bytes": 1})
        world.runner = replace(world.runner, settings=settings, **parts)
        world.worker = replace(world.worker, **parts)
        self.world = world
        look = boto3.client("dynamodb", region_name=REGION)
        self._meter = Meter(stores.runs._client, look)
        self.costs: list[StepCost] = []

    def count(self, part: str, work: Callable[[], Any]) -> StepCost:
        """Count what a part of a run uses, and keep it."""
        world = self.world
        messages = len(world.queues.steps) + len(world.queues.checks)
        executions, pushes = len(world.machine.started), self.gateway.pushes
        self._meter.reset()
        work()
        self._pusher.drain(30)
        used = self._meter.usage
        cost = StepCost(
            part,
            spelled(dict(used.requests)),
            used.read_units,
            used.write_units,
            len(world.queues.steps) + len(world.queues.checks) - messages,
            len(world.machine.started) - executions,
            self.gateway.pushes - pushes,
        )
        self.costs.append(cost)
        return cost

    def deliver(self, run: RunRecord) -> Callable[[], bool]:
        """Return what carries out a run's current step; its message stays in the queue."""
        job = StepJob(
            tenant=TENANT,
            thread_id=run.thread_id,
            run_id=run.id,
            step_no=self.world.get(run).step_no,
        )
        return lambda: self.world.deliver(job)

    def check(self, run: RunRecord) -> Callable[[], None]:
        """Return what carries out the check that is responsible for a run."""
        watch = self.world.get(run).watch
        job = CheckJob(tenant=TENANT, thread_id=run.thread_id, run_id=run.id, watch=watch)
        return lambda: check(self.world.timers, job)


def measure_steps() -> list[StepCost]:
    """Return what each part of a run uses."""
    with emulated() as endpoints, pytest.MonkeyPatch.context() as patch:
        take_one_by_one(patch)
        world = endpoints.world
        # A slow machine looks at the lease more often.
        patch.setattr(time, "monotonic", lambda: world.clock() / 1000)
        bench = StepBench(world)
        _answers(bench)
        _functions(bench)
        for calls in (1, _MANY):
            _actions(bench, calls)
        _takeover(bench, patch)
        return bench.costs


def _answers(bench: StepBench) -> None:
    world = bench.world
    world.model.turn(*text("Hello."), *stop())
    run = world.create_run(world.thread("Hi"))
    bench.count("step: an answer in one flush", bench.deliver(run))
    world.model.turn(*text("He", "llo", "."), *stop())
    run = world.create_run(world.thread("Hi"))
    bench.count("step: an answer in three flushes", bench.deliver(run))
    world.model.turn(*text("He", "llo", "."), *stop())
    run = world.create_run(world.thread("Hi"))
    world.runner.subscriptions.connect("connection", Access(TENANT, "key_1"))
    watched = Subscription("connection", run.thread_id, run.id)
    world.runner.subscriptions.add(TENANT, watched)
    bench.count("the same, with one subscriber", bench.deliver(run))


def _functions(bench: StepBench) -> None:
    world = bench.world
    world.model.turn(*call("f", "{}", "call_0"), *stop("tool_calls"))
    run = world.create_run(world.thread("Hi"), tools=[function_tool("f")])
    bench.count("step: a call that the client answers", bench.deliver(run))


def _actions(bench: StepBench, calls: int) -> None:
    world = bench.world
    name = f"look_up_{calls}"
    action = offer_action(world, name, ScriptedTool())
    chunks = [chunk for n in range(calls) for chunk in call(name, "{}", f"call_{n}", n)]
    world.model.turn(*chunks, *stop("tool_calls"))
    run = world.create_run(world.thread("Hi"), tools=[action])
    words = "one call" if calls == 1 else f"{calls} calls"
    bench.count(f"step: {words} of the tool worker", bench.deliver(run))
    working = world.get(run)
    assert world.tools is not None and working.open_step is not None
    names: dict[str, Any] = {"tenant": TENANT, "thread_id": run.thread_id, "run_id": run.id}
    tasks = [
        ToolTask(kind="call", step_id=working.open_step, call_id=f"call_{n}", **names)
        for n in range(calls)
    ]
    tools = world.tools
    for task in tasks[:-1]:
        carry_out(world.worker, tools, task)
    last = "a call" if calls == 1 else f"the last of {calls}"
    bench.count(f"tool worker: {last}", lambda: carry_out(world.worker, tools, tasks[-1]))
    world.model.turn(*text("Found."), *stop())
    bench.count(f"step: the answer after {words}", bench.deliver(run))


def _takeover(bench: StepBench, patch: pytest.MonkeyPatch) -> None:
    world = bench.world
    run = world.create_run(world.thread("Hi"))
    bench.count("check: the step is sent for again", bench.check(run))
    with patch.context() as killing, pytest.raises(Killed):
        killing.setattr(runner_step, "load_prompt", _die)
        bench.deliver(run)()
    bench.count("check: somebody works on the run", bench.check(run))
    world.clock.advance(_LEASE_SECONDS)
    world.model.turn(*text("Hello."), *stop())
    bench.count("step: a takeover, and an answer in one flush", bench.deliver(run))


def _die(*_: Any, **__: Any) -> None:
    raise Killed


def main() -> None:
    """Print the table."""
    print(HEADER)
    for cost in measure_steps():
        print(cost.row())


if __name__ == "__main__":
    main()
