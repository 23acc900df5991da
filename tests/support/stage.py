"""A stage for runs: the real service on moto, with somebody who delivers and nobody who waits."""

import copy
import random
import time
from collections import Counter
from dataclasses import replace
from typing import Any, Final

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from adapters.run_writer import RunWriter
from core.schema.assistants import Assistant, AssistantRecord
from core.schema.tools import ActionTool
from tests.support.api import api_context_of
from tests.support.deliveries import DeliveredMachine, DeliveredQueues, Deliveries
from tests.support.direct_tables import call_tables_directly
from tests.support.outside import Fault, Outside, count_api_calls
from tests.support.patient_client import PatientClient
from tests.support.steady_model import SteadyModel, take_one_by_one
from tests.support.tools import ScriptedTool, offer_action
from tests.support.world import REGION, TENANT, RecordedPusher, World, build_world
from tool_worker.registry import ToolCallInput, ToolOutput
from wiring.telemetry import log_failure

ASSISTANT: Final = "asst_test"
QUESTION: Final = "Hi"
# How long a process may stand still and still go on: less than its time limit.
STANDS_STILL_SECONDS: Final = {
    "api": 25,
    "runner": 70,
    "timers": 25,
    "dead letters": 25,
    "worker": 70,
    "machine": 5,
}


class CountedPusher(RecordedPusher):
    """Pushes into the void; each push is a call of the outside."""

    def __init__(self, outside: Outside) -> None:
        super().__init__()
        self._outside = outside

    def publish(self, tenant: str, thread_id: str, run_id: str, batch: Any) -> None:
        self._outside.call("push", "Push", lambda: None)


class Stage:
    """The service, ready for one play after another.

    Attributes:
        world: the service's parts.
        outside: where its processes meet the outside.
        deliveries: what happens next.
        client: makes requests.
        model: what the runner asks.
        action: a tool that the tool worker carries out.
        thread_id: a thread with a question.
        acted: how often each tool call was acted on.

    Args:
        environment: names the resources.
        patch: what is replaced for as long as the stage stands.
    """

    def __init__(self, environment: dict[str, str], patch: pytest.MonkeyPatch) -> None:
        self.outside = Outside()
        # Each chunk is written as it comes, so that a play always makes the same calls.
        self.world = world = build_world(environment | {"FLUSH_BYTES": "1"})
        self.deliveries = Deliveries(world, self.outside)
        self.model = SteadyModel({})
        self._wire(world)
        context = api_context_of(world)
        self.client = PatientClient(context, self.outside, self.deliveries)
        self.acted: Counter[str] = Counter()
        self.action: ActionTool = offer_action(world, "look_up", ScriptedTool(self._act))
        world.runner.objects.create_assistant(TENANT, _assistant(world))
        self.thread_id = world.thread(QUESTION)
        self._tables = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables
        self._items = {name: copy.deepcopy(table.items) for name, table in self._tables.items()}
        self._began_ms = world.clock()
        call_tables_directly(patch)
        count_api_calls(patch, self.outside)
        patch.setattr(time, "sleep", world.clock.advance)
        # Threads wait by another name of it.
        patch.setattr(time, "monotonic", lambda: world.clock() / 1000)
        take_one_by_one(patch)

    def clear(self, fault: Fault) -> None:
        """Make room for a play; nothing is left of the one before.

        Moto copies whole tables for each transaction, so they are kept small.
        """
        for name, items in self._items.items():
            self._tables[name].items = copy.deepcopy(items)
        self.deliveries.reset()
        self.outside.reset(fault)
        self.acted.clear()
        self.world.clock.now_ms = self._began_ms
        random.seed(0)

    def stand_still(self, kind: str) -> None:
        """Let the world go on while a process stands still."""
        self.wait(STANDS_STILL_SECONDS[kind])

    def wait(self, seconds: float) -> None:
        """Let the world go on for a while."""
        clock = self.world.clock
        until_ms = clock() + int(seconds * 1000)
        self.deliveries.play(until_ms)
        clock.now_ms = max(clock(), until_ms)

    def _act(self, call: ToolCallInput) -> ToolOutput:
        def act() -> ToolOutput:
            self.acted[call.arguments] += 1
            return ToolOutput(f"echo {call.arguments}")

        return self.outside.call("tool", "Act", act)

    def _wire(self, world: World) -> None:
        """Replace what remembers messages and pushes by what delivers and counts them."""
        queues = DeliveredQueues(self.deliveries, self.outside)
        machine = DeliveredMachine(self.deliveries, self.outside)
        pusher = CountedPusher(self.outside)
        stores = world.runner
        writer = RunWriter(stores.runs, stores.calls, pusher, world.clock, queues, log_failure)
        parts: dict[str, Any] = {"pusher": pusher, "writer": writer}
        sending: dict[str, Any] = {"queues": queues, "machine": machine}
        world.queues, world.machine, world.pusher = queues, machine, pusher
        world.runner = replace(world.runner, **parts, **sending, model=self.model)
        world.timers = replace(world.timers, **parts, **sending)
        world.worker = replace(world.worker, **parts)


def _assistant(world: World) -> AssistantRecord:
    wire = Assistant(
        id=ASSISTANT,
        created_at=world.clock() // 1000,
        name=None,
        description=None,
        model="test-model",
        instructions="Be brief.",
        tools=[],
        metadata={},
        temperature=None,
        top_p=None,
        response_format=None,
    )
    return AssistantRecord(wire=wire, reasoning_effort=None)
