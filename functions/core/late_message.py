"""What a model says after its calls: clients know one open step, so it waits for the calls' step.

It is kept with the run, and becomes a message of its own in the very change that completes that
step. A run that ends before has not told it, and drops it.
"""

from dataclasses import replace
from typing import Literal

from core.changes import Change
from core.model import ModelChunk
from core.records import LateMessage, RunRecord
from core.schema.messages import TextContent
from core.schema.steps import ToolCallType
from core.turn_assembler import Draft, TurnAssembler


def with_late_message(
    change: Change,
    *,
    now: int,
    incomplete: Literal["max_tokens", "content_filter"] | None = None,
) -> Change:
    """Return a change that completes a step with the message of what was said after its calls.

    Args:
        change: it completes the step; what its run has not told comes after its events.
        now: unix seconds.
        incomplete: why the answer was cut short, if it was.
    """
    after = change.after
    if after.late_message is None:
        return change
    draft = _written(after, after.late_message, now, incomplete)
    told = {"late_message": None, "late_steps": (*after.late_steps, after.late_message.step_id)}
    return replace(
        change,
        after=after.model_copy(update=told),
        events=(*change.events, *draft.events),
        messages=(*change.messages, *draft.messages),
        steps=(*change.steps, *draft.steps),
    )


def _written(
    run: RunRecord,
    late: LateMessage,
    now: int,
    incomplete: Literal["max_tokens", "content_filter"] | None,
) -> Draft:
    """Return the message and its step from their opening to their end."""
    ids = {"msg": late.message_id, "step": late.step_id}
    assembler = TurnAssembler(run, ids.__getitem__, lambda: now, _no_calls)
    for part in late.content:
        if isinstance(part, TextContent):
            assembler.push(ModelChunk(text=part.text.value))
        else:
            assembler.push(ModelChunk(refusal=part.refusal))
    assembler.close_message(incomplete=incomplete)
    return assembler.take()


def _no_calls(name: str) -> ToolCallType:
    raise LookupError("There are no calls in a message.")
