"""Tool calls that the worker carries out: from the commit to the step that reads their outputs."""

import json
import re
from collections.abc import Iterator
from itertools import permutations

import pytest

from core.dispatch import step_job
from core.jobs import SettleTask, ToolTask
from core.model import ModelChunk
from core.paging import PageQuery
from core.records import CallState, RunPhase, RunRecord
from core.run_machine import Trigger
from core.tool_phase import submit_outputs
from runner.supervision import end
from tests.support.model import call, stop, text
from tests.support.tools import ScriptedTool, offer_action
from tests.support.world import TENANT, Killed, World, function_tool
from tool_worker.handler import carry_out, settle
from tool_worker.registry import ToolCallInput, ToolOutput, ToolRegistry


def calls_of(*names: str) -> Iterator[ModelChunk]:
    """Yield chunks in which the model calls these tools in one turn: call_0, call_1, …"""
    for index, name in enumerate(names):
        yield from call(name, json.dumps({"n": index}), f"call_{index}", index)
    yield from stop("tool_calls")


def task(run: RunRecord, step_id: str, call_id: str) -> ToolTask:
    """Return the state machine's task for a call."""
    return ToolTask(
        kind="call",
        tenant=TENANT,
        thread_id=run.thread_id,
        run_id=run.id,
        step_id=step_id,
        call_id=call_id,
    )


def test_an_action_is_called_and_the_next_step_reads_its_output(world: World) -> None:
    tool = ScriptedTool()
    action = offer_action(world, "look_up", tool)
    world.model.turn(*calls_of("look_up")).turn(*text("Found."), *stop())
    run = world.create_run(world.thread("Look it up"), tools=[action])
    world.deliver_next()

    working = world.get(run)
    assert (working.status, working.phase) == ("in_progress", RunPhase.TOOLS)
    assert not world.queues.steps, "the state machine sends the next step's message"
    assert world.execute_next() == ["answered"]
    assert world.get(run).phase is RunPhase.READY
    world.deliver_next()

    assert world.get(run).status == "completed"
    assert world.model.requests[1].messages[-1] == {
        "role": "tool",
        "tool_call_id": "call_0",
        "content": 'echo {"n": 0}',
    }
    (asked,) = tool.calls
    assert asked.arguments == '{"n": 0}'
    names = [name for name in world.names(run) if name.startswith("run.step")]
    assert names[:2] == ["run.step.created", "run.step.in_progress"]
    assert names[-3:] == ["run.step.created", "run.step.in_progress", "run.step.completed"]
    steps = world.runner.objects.list_steps(TENANT, run.id, PageQuery(order="asc")).data
    first = steps[0].model_dump(mode="json")
    assert first["status"] == "completed"
    assert first["step_details"]["tool_calls"] == [
        {
            "id": "call_0",
            "type": "action",
            "action": {"name": "look_up", "arguments": '{"n": 0}', "output": 'echo {"n": 0}'},
        }
    ]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_parallel_calls_end_the_phase_with_the_last_of_them_in_any_order(
    world: World, order: tuple[int, ...]
) -> None:
    tool = ScriptedTool()
    action = offer_action(world, "look_up", tool)
    world.model.turn(*calls_of("look_up", "look_up", "look_up")).turn(*text("Done."), *stop())
    run = world.create_run(world.thread("Three"), tools=[action])
    world.deliver_next()
    phase = world.machine.started.pop().phase
    assert world.tools is not None
    for answered, index in enumerate(order, start=1):
        job = task(run, phase.step_id, f"call_{index}")
        assert carry_out(world.worker, world.tools, job) == "answered"
        now = world.get(run)
        assert now.phase is (RunPhase.READY if answered == 3 else RunPhase.TOOLS)
        assert now.pending_calls == 3 - answered
    deltas = [
        event.data["delta"]["step_details"]["tool_calls"][0]
        for _, event in world.events(run)
        if event.name == "thread.run.step.delta"
    ]
    assert [d["index"] for d in deltas if "output" in d["action"] and "id" not in d] == list(order)
    # The model reads them in the order in which it called.
    world.deliver(step_job(world.get(run)))
    results = [turn for turn in world.model.requests[1].messages if turn["role"] == "tool"]
    assert [turn["content"] for turn in results] == [f'echo {{"n": {n}}}' for n in range(3)]


def test_internal_calls_run_first_and_then_the_client_is_asked(world: World) -> None:
    action = offer_action(world, "look_up", ScriptedTool())
    world.model.turn(*calls_of("ask_user", "look_up")).turn(*text("Thanks."), *stop())
    run = world.create_run(world.thread("Both"), tools=[action, function_tool("ask_user")])
    world.deliver_next()
    assert world.get(run).status == "in_progress"
    world.execute_next()

    waiting = world.get(run)
    assert waiting.status == "requires_action"
    assert waiting.required_action is not None
    assert [c.id for c in waiting.required_action.submit_tool_outputs.tool_calls] == ["call_0"]
    world.deliver_next()
    assert world.get(run).status == "requires_action", "the machine's message changes nothing"
    assert waiting.open_step is not None
    step = world.runner.runs.step(waiting, waiting.open_step)
    assert step is not None
    now = world.clock() // 1000
    queued = world.runner.writer.apply(submit_outputs(waiting, step, {"call_0": "yes"}, now=now))
    world.deliver(step_job(queued))
    assert world.get(run).status == "completed"
    told = world.model.requests[1].messages[-2:]
    assert [turn["content"] for turn in told] == ["yes", 'echo {"n": 1}']


def test_a_call_is_made_once_however_often_it_is_asked_for(world: World) -> None:
    tool = ScriptedTool()
    action = offer_action(world, "look_up", tool)
    world.model.turn(*calls_of("look_up"))
    run = world.create_run(world.thread("Once"), tools=[action])
    world.deliver_next()
    phase = world.machine.started.pop().phase
    job = task(run, phase.step_id, "call_0")
    assert world.tools is not None
    assert [carry_out(world.worker, world.tools, job) for _ in range(3)] == [
        "answered",
        "dropped",
        "dropped",
    ]
    assert len(tool.calls) == 1


def test_a_worker_that_dies_in_its_tool_is_not_repeated_and_the_machine_settles_the_call(
    world: World,
) -> None:
    def die(call: ToolCallInput) -> ToolOutput:
        raise Killed

    tool = ScriptedTool(die)
    action = offer_action(world, "pay", tool)
    world.model.turn(*calls_of("pay")).turn(*text("I am not sure."), *stop())
    run = world.create_run(world.thread("Pay"), tools=[action])
    world.deliver_next()
    phase = world.machine.started.pop().phase
    job = task(run, phase.step_id, "call_0")
    assert world.tools is not None
    with pytest.raises(Killed):
        carry_out(world.worker, world.tools, job)
    assert carry_out(world.worker, world.tools, job) == "dropped"
    assert len(tool.calls) == 1

    settling = SettleTask.model_validate(job.model_dump() | {"kind": "settle"})
    assert settle(world.worker, settling) == "answered"
    assert settle(world.worker, settling) == "dropped"
    world.deliver(step_job(world.get(run)))
    assert world.get(run).status == "completed"
    assert "may or may not" in world.model.requests[1].messages[-1]["content"]


def test_a_late_output_of_a_settled_call_is_dropped(world: World) -> None:
    action = offer_action(world, "slow", ScriptedTool())
    world.model.turn(*calls_of("slow"))
    run = world.create_run(world.thread("Slow"), tools=[action])
    world.deliver_next()
    phase = world.machine.started.pop().phase
    job = task(run, phase.step_id, "call_0")

    def settled_meanwhile(call: ToolCallInput) -> ToolOutput:
        settle(world.worker, SettleTask.model_validate(job.model_dump() | {"kind": "settle"}))
        return ToolOutput("too late")

    registry = ToolRegistry({"action": ScriptedTool(settled_meanwhile)})
    assert carry_out(world.worker, registry, job) == "dropped"
    (record,) = world.runner.calls.of_step(world.get(run), phase.step_id)
    assert record.state is CallState.DONE
    assert record.output is not None
    assert "too late" not in record.output


def test_a_run_that_ended_starts_no_more_calls_and_drops_late_outputs(world: World) -> None:
    tool = ScriptedTool()
    action = offer_action(world, "look_up", tool)
    world.model.turn(*calls_of("look_up", "look_up"))
    thread_id = world.thread("Stop")
    run = world.create_run(thread_id, tools=[action])
    world.deliver_next()
    phase = world.machine.started.pop().phase
    assert end(world.runner, world.get(run), Trigger.CANCELLED) is not None
    assert world.tools is not None
    for call_id in ("call_0", "call_1"):
        job = task(run, phase.step_id, call_id)
        assert carry_out(world.worker, world.tools, job) == "dropped"
    assert tool.calls == []
    assert world.names(run)[-3:] == ["run.cancelling", "run.step.cancelled", "run.cancelled"]
    assert world.runner.threads.active_run(TENANT, thread_id) is None


def test_a_lost_execution_is_started_again_and_then_settled_by_the_check(world: World) -> None:
    action = offer_action(world, "look_up", ScriptedTool())
    world.model.turn(*calls_of("look_up", "look_up")).turn(*text("No luck."), *stop())
    run = world.create_run(world.thread("Vanish"), tools=[action])
    world.deliver_next()
    world.machine.started.clear()
    world.check_next()
    assert [start.name for start in world.machine.started] == [f"{run.id}-1"]
    world.machine.started.clear()
    while not world.queues.steps:
        world.check_next()
    assert world.get(run).phase is RunPhase.READY
    world.deliver_next()
    assert world.get(run).status == "completed"
    outputs = [turn for turn in world.model.requests[1].messages if turn["role"] == "tool"]
    assert len(outputs) == 2
    assert all("did not answer in time" in turn["content"] for turn in outputs)


@pytest.mark.parametrize("call_id", ["call_" + "x" * 4000, "Ü#" * 200, "functions.look_up:0"])
def test_a_call_may_be_called_anything(world: World, call_id: str) -> None:
    tool = ScriptedTool()
    action = offer_action(world, "look_up", tool)
    world.model.turn(*call("look_up", "{}", call_id), *stop("tool_calls"))
    world.model.turn(*text("Found."), *stop())
    run = world.create_run(world.thread("Look it up"), tools=[action])
    world.deliver_next()
    assert world.execute_next() == ["answered"]
    world.deliver_next()
    assert world.get(run).status == "completed"
    asked, result = world.model.requests[1].messages[-2:]
    assert asked["tool_calls"][0]["id"] == result["tool_call_id"] == call_id
    # It is told to services in a header: nothing of it is the model's own.
    (made,) = tool.calls
    assert re.fullmatch(r"run_[a-z0-9]+-step_[a-z0-9]+-0", made.idempotency_key)


def test_outputs_that_are_too_large_for_an_item_come_back_whole(world: World) -> None:
    large = "æ" * 300_000
    action = offer_action(world, "look_up", ScriptedTool(lambda call: ToolOutput(large)))
    world.model.turn(*calls_of("look_up")).turn(*text("Much."), *stop())
    run = world.create_run(world.thread("Much"), tools=[action])
    world.deliver_next()
    world.execute_next()
    world.deliver_next()
    assert world.get(run).status == "completed"
    assert world.model.requests[1].messages[-1]["content"] == large
