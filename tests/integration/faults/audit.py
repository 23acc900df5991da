"""What must be true when a play is over, whatever has happened in it."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from core.paging import PageQuery
from core.records import RunRecord
from core.schema.messages import Message
from core.schema.steps import RunStep, ToolCallsDetails
from tests.integration.faults.play import Expected, Play
from tests.support.world import TENANT
from tests.unit.core.event_reader import EventReader

_ALL = PageQuery(limit=100, order="asc")
# What is said of a call of which nobody knows whether it was carried out.
UNKNOWN = "It may or may not have acted."
# What is said of one that no worker has claimed.
UNTOUCHED = "The tool was not called, so nothing was done."


def audit(
    play: Play, *, tools_struck: bool, may_fail: bool = False, may_repeat: bool = False
) -> None:
    """Fail unless every run has come to its right end.

    Args:
        play: it is over.
        tools_struck: whether the fault may have struck a tool worker. It acts once at most, so
            what it was about to do may be left undone, and what it did may be lost.
        may_fail: whether the fault lasted so long that a run may have failed, in the open.
        may_repeat: whether the fault may have struck a runner after words that were whole.
    """
    stage, scenario = play.stage, play.scenario
    world = stage.world
    messages = world.runner.messages.list(TENANT, play.thread_id, _ALL).data
    for run_id, expected in zip(play.runs, scenario.expected, strict=True):
        run = world.runner.runs.get(TENANT, play.thread_id, run_id)
        assert run is not None
        said = [message for message in messages if message.run_id == run_id]
        steps = world.runner.objects.all_steps(TENANT, run_id)
        _check_log(play, run, said, steps)
        if may_fail and run.status == "failed":
            assert run.last_error is not None
            continue
        _check_end(run, expected, said, steps, may_repeat=may_repeat)
        for step in steps:
            if step.status == "completed" and isinstance(step.step_details, ToolCallsDetails):
                _check_outputs(step.step_details, expected, stage.acted, tools_struck=tools_struck)
    lock = world.runner.threads.lock(TENANT, play.thread_id)
    assert lock is not None
    assert (lock.active_run, tuple(lock.waiting)) == (None, ()), "the thread is not let go"
    acted = stage.acted
    assert all(count == 1 for count in acted.values()), f"a tool acts more than once: {acted}"
    if not tools_struck and not may_fail:
        assert sorted(acted) == sorted(scenario.acts), f"not all tools have acted: {acted}"
    overtaken = [call for call in play.late if call.operation != "PutItem"]
    assert not overtaken, f"something is changed after the end: {overtaken[0]}"


def _check_log(
    play: Play, run: RunRecord, said: Sequence[Message], steps: Sequence[RunStep]
) -> None:
    """Fail unless the log is one chain that the strictest client can follow, and records agree."""
    batches = play.stage.world.runner.event_log.read(TENANT, run.id)
    assert batches[0].after is None
    for before, after in pairwise(batches):
        assert after.after == before.last, "the log is not one chain"
        assert after.first > before.last, "the log's ids go back"
    reader = EventReader()
    for batch in batches:
        for event in batch.events:
            reader.read(event)
    told = batches[-1].events[-1].data
    assert run.to_wire().model_dump(mode="json") == told, "the run is not as it was told"
    assert (reader.open_step, reader.open_message) == (None, None)
    assert (run.open_step, run.open_message, run.lease_owner) == (None, None, None)
    records: list[Message | RunStep] = [*said, *steps]
    assert set(reader.objects) == {record.id for record in records}, "not all was told"
    for record in records:
        reader.check_record(record)


def _check_end(
    run: RunRecord,
    expected: Expected,
    said: Sequence[Message],
    steps: Sequence[RunStep],
    *,
    may_repeat: bool,
) -> None:
    assert run.status == expected.status, f"the run is {run.status}: {run.last_error}"
    committed = tuple(step.type for step in steps if step.status == "completed")
    texts = tuple(
        "".join(part.model_dump()["text"]["value"] for part in message.content)
        for message in said
        if message.status == "completed"
    )
    again = expected.repeatable if may_repeat else ()
    if again and texts == (*again, *expected.texts):
        # Each of them is a message, and a step, once more.
        assert committed == (*["message_creation"] * len(again), *expected.steps)
        return
    assert committed == expected.steps, "other steps were committed"
    assert texts == expected.texts, f"the messages are {texts}"


def _check_outputs(
    details: ToolCallsDetails, expected: Expected, acted: Counter[str], *, tools_struck: bool
) -> None:
    for tool_call in details.tool_calls:
        output, right = tool_call.called.output, expected.outputs.get(tool_call.id)
        assert output is not None, f"{tool_call.id} has no output"
        untouched = UNTOUCHED in output
        assert not untouched or not acted[tool_call.called.arguments], "a call is denied"
        internal = tools_struck and tool_call.type != "function"
        lost = internal and (untouched or UNKNOWN in output)
        assert right in (output, None) or lost, f"{tool_call.id} has the output {output}"
