"""Tool calls that the worker carries out: from the commit to the step that reads their outputs."""

import json
import re
from collections.abc import Iterator
from itertools import permutations
from typing import Any, get_args

import pytest
from botocore.exceptions import ReadTimeoutError

from adapters.dynamodb.runs import RunStore
from adapters.dynamodb.tool_calls import ToolCalls
from core.changes import Leftovers
from core.dispatch import StartTools, step_job
from core.endings import EndTrigger
from core.jobs import SettleTask, ToolTask
from core.message_turns import joined_text
from core.model import ModelChunk
from core.paging import PageQuery
from core.records import CallState, RunPhase, RunRecord
from core.run_machine import Trigger
from core.schema.runs import RunError
from core.schema.steps import ToolCallsDetails
from core.tool_phase import submit_outputs
from runner.supervision import end
from tests.support.model import call, stop, text
from tests.support.orders import MESSAGE
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


@pytest.mark.fault("message-twice")
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


@pytest.mark.fault("tool-worker-during")
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


@pytest.mark.fault("tool-slow")
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


@pytest.mark.parametrize("trigger", get_args(EndTrigger))
def test_a_run_that_ends_among_its_calls_keeps_the_outputs_that_were_told(
    world: World, trigger: EndTrigger
) -> None:
    large = "æ" * 200_000
    action = offer_action(world, "look_up", ScriptedTool(lambda call: ToolOutput(large)))
    world.model.turn(*calls_of("look_up", "look_up"))
    run = world.create_run(world.thread("Stop"), tools=[action])
    world.deliver_next()
    phase = world.machine.started.pop().phase
    assert world.tools is not None
    assert carry_out(world.worker, world.tools, task(run, phase.step_id, "call_1")) == "answered"

    error = RunError(code="server_error", message="No.") if trigger is Trigger.FAIL else None
    assert end(world.runner, world.get(run), trigger, error) is not None
    step = world.runner.runs.step(run, phase.step_id)
    assert step is not None
    assert isinstance(step.step_details, ToolCallsDetails)
    assert [call.called.output for call in step.step_details.tool_calls] == [None, large]
    told = [event.data for _, event in world.events(run) if event.data["id"] == step.id]
    assert told[-1] == step.model_dump(mode="json")


def test_what_a_run_left_open_costs_a_query_in_its_tool_phase_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(ToolCalls, "of_step", lambda calls, run, step_id: asked.append(step_id))
    world.model.turn(*calls_of("ask_user"))
    run = world.create_run(world.thread("Wait"), tools=[function_tool("ask_user")])
    assert world.runner.runs.open_records(run) == Leftovers()
    world.deliver_next()
    waiting = world.get(run)
    assert waiting.phase is RunPhase.CLIENT
    assert world.runner.runs.open_records(waiting).step is not None
    assert asked == []


@pytest.mark.fault("machine-lost", "machine-times-out")
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
    assert all("It is safe to call it again" in turn["content"] for turn in outputs)


@pytest.mark.parametrize("by", ["redelivery", "check"])
@pytest.mark.fault("machine-out")
def test_a_machine_that_could_not_be_started_is_started_later(
    world: World, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    tool = ScriptedTool()
    action = offer_action(world, "look_up", tool)
    world.model.turn(*calls_of("look_up"))
    run = world.create_run(world.thread("Look it up"), tools=[action])
    job = world.queues.steps.pop(0)

    def refuse(_: StartTools) -> None:
        raise ReadTimeoutError(endpoint_url="https://states.test")

    with monkeypatch.context() as patch:
        patch.setattr(world.machine, "start", refuse)
        assert world.deliver(job) is False, "the message shall come back"
    assert world.get(run).phase is RunPhase.TOOLS

    began = world.clock()
    if by == "check":
        world.check_next()
    else:
        world.deliver(job, deliveries=2)
    assert world.clock() - began <= 45_000
    world.execute_next()
    world.model.turn(*text("Found."), *stop())
    world.deliver_next()
    assert world.get(run).status == "completed"
    assert len(tool.calls) == 1
    assert len(world.model.requests) == 2, "the committed step was not repeated"


def settle_by_check(world: World) -> None:
    """Let checks come due until the tool phase is over."""
    world.machine.started.clear()
    world.queues.steps.clear()
    while not world.queues.steps:
        world.check_next()


def outputs_told(world: World) -> dict[str, str]:
    """Deliver the next step; return the outputs that its model was told."""
    world.model.turn(*text("I see."), *stop())
    world.deliver_next()
    turns = world.model.requests[-1].messages
    return {turn["tool_call_id"]: turn["content"] for turn in turns if turn["role"] == "tool"}


@pytest.mark.fault("tool-worker-before", "tool-worker-during", "call-not-settled")
def test_a_call_that_was_claimed_may_have_acted_and_one_that_was_not_has_not(
    world: World,
) -> None:
    action = offer_action(world, "pay", ScriptedTool())
    world.model.turn(*calls_of("pay", "pay"))
    run = world.create_run(world.thread("Pay"), tools=[action])
    world.deliver_next()
    phase = world.machine.started.pop().phase
    claimed, _ = world.runner.calls.of_step(world.get(run), phase.step_id)
    world.runner.calls.claim(world.get(run), claimed)
    settle_by_check(world)
    for call_id in ("call_0", "call_1"):
        assert world.tools is not None
        job = task(run, phase.step_id, call_id)
        assert carry_out(world.worker, world.tools, job) == "dropped"
    outputs = outputs_told(world)
    assert "may or may not have acted" in outputs["call_0"]
    assert "nothing was done" in outputs["call_1"]


@pytest.mark.parametrize("by", ["check", "machine"])
def test_a_call_that_is_claimed_while_it_is_settled_is_not_said_to_be_untouched(
    world: World, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    action = offer_action(world, "pay", ScriptedTool())
    world.model.turn(*calls_of("pay"))
    run = world.create_run(world.thread("Pay"), tools=[action])
    world.deliver_next()
    phase = world.machine.started.pop().phase
    (record,) = world.runner.calls.of_step(world.get(run), phase.step_id)
    apply = RunStore.apply

    def claimed_first(store: RunStore, *args: Any) -> Any:
        """A worker claims the call between the settler's look and its write."""
        monkeypatch.setattr(RunStore, "apply", apply)
        world.runner.calls.claim(world.get(run), record)
        return apply(store, *args)

    monkeypatch.setattr(RunStore, "apply", claimed_first)
    if by == "check":
        settle_by_check(world)
    else:
        job = task(run, phase.step_id, "call_0").model_dump() | {"kind": "settle"}
        assert settle(world.worker, SettleTask.model_validate(job)) == "answered"
        world.queues.send_step(step_job(world.get(run)))
    assert "may or may not have acted" in outputs_told(world)["call_0"]


def test_what_the_model_says_after_its_calls_is_kept_and_told_to_all(world: World) -> None:
    """Internal calls and the client's: the words wait for both, in the table."""
    action = offer_action(world, "look_up", ScriptedTool())
    before, after = text("I look."), text("I am ", "looking.")
    calls = [*calls_of("ask_user", "look_up")]
    world.model.turn(*before, *calls[:-2], *after, *calls[-2:])
    thread_id = world.thread("Both")
    run = world.create_run(thread_id, tools=[action, function_tool("ask_user")])
    world.deliver_next()
    world.execute_next()
    waiting = world.get(run)
    assert waiting.status == "requires_action"
    assert waiting.late_message is not None

    assert waiting.open_step is not None
    step = world.runner.runs.step(waiting, waiting.open_step)
    assert step is not None
    told = len(world.names(run))
    now = world.clock() // 1000
    queued = world.runner.writer.apply(submit_outputs(waiting, step, {"call_0": "yes"}, now=now))
    assert world.get(run) == queued
    assert world.names(run)[told:] == [
        "run.step.completed",
        "run.queued",
        *MESSAGE,
    ]
    world.model.turn(*text("Now "), *calls_of("nobody"), *text("?"))
    world.deliver(step_job(queued))
    world.model.turn(*text("Done."), *stop())
    world.deliver(step_job(world.get(run)))

    assert world.get(run).status == "completed"
    listed = world.runner.messages.list(TENANT, thread_id, PageQuery(order="asc")).data
    words = [joined_text(message) for message in listed]
    assert words == ["Both", "I look.", "I am looking.", "Now ", "?", "Done."]
    steps = world.runner.objects.all_steps(TENANT, run.id)
    assert [step.type for step in steps] == [
        "message_creation",
        "tool_calls",
        "message_creation",
        "message_creation",
        "tool_calls",
        "message_creation",
        "message_creation",
    ]
    asked = [turn for turn in world.model.requests[-1].messages if turn["role"] == "assistant"]
    assert [turn["content"] for turn in asked] == ["I look.\nI am looking.", "Now \n?"]
    roles = [turn["role"] for turn in world.model.requests[-1].messages]
    assert roles == ["system", "user", "assistant", "tool", "tool", "assistant", "tool"]


def test_late_words_that_are_too_large_for_an_item_come_back_whole(world: World) -> None:
    large = "æ" * 300_000
    action = offer_action(world, "look_up", ScriptedTool())
    calls = [*calls_of("look_up")]
    world.model.turn(*calls[:-2], *text(large), *calls[-2:]).turn(*text("Much."), *stop())
    thread_id = world.thread("Much")
    run = world.create_run(thread_id, tools=[action])
    world.deliver_next()
    world.execute_next()
    world.deliver_next()
    assert world.get(run).status == "completed"
    assert world.model.requests[1].messages[-2]["content"] == large
    _, late, _ = world.runner.messages.list(TENANT, thread_id, PageQuery(order="asc")).data
    assert joined_text(late) == large


def test_an_output_with_half_a_character_is_mended(world: World) -> None:
    halves = ScriptedTool(lambda call: ToolOutput("\ud83d\ude00 and \ud83d"))
    action = offer_action(world, "look_up", halves)
    world.model.turn(*calls_of("look_up")).turn(*text("Odd."), *stop())
    run = world.create_run(world.thread("Look"), tools=[action])
    world.deliver_next()
    assert world.execute_next() == ["answered"]
    world.deliver_next()
    assert world.get(run).status == "completed"
    assert world.model.requests[1].messages[-1]["content"] == "\U0001f600 and \ufffd"


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
