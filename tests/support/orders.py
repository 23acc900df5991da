"""The orders in which the events of a run come, by names without `thread.`."""

from typing import Final

HEAD: Final = ["run.created", "run.queued", "run.in_progress"]
# A message whose deltas came within one flush.
MESSAGE: Final = [
    "run.step.created",
    "run.step.in_progress",
    "message.created",
    "message.in_progress",
    "message.delta",
    "message.completed",
    "run.step.completed",
]
CALLS: Final = ["run.step.created", "run.step.in_progress", "run.step.delta"]
