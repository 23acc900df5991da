"""Says in one sentence what a run did otherwise than it was to show. No I/O."""

from examples.demo.rendering import Summary


def complaint(summary: Summary, tool: str | None) -> str | None:
    """Return what is wrong with a run; None if it did what it was to show.

    Args:
        summary: what the run did.
        tool: the tool that it was to call before its answer; None for an answer alone.
    """
    title, reason = repr(summary.title), " ".join(summary.reason.split())
    if summary.status != "completed":
        ending = f": {reason}" if reason else ", not completed."
        return f"The run of {title} ended {summary.status or 'without a status'}{ending}"
    if tool is not None and tool not in summary.calls:
        return (
            f"The model answered {title} without calling {tool}: "
            "name with MODEL one that calls tools."
        )
    # A model may call its tool more than once, and each time is a step.
    called = summary.steps[:-1]
    if summary.steps[-1:] == ["message_creation"] and called == ["tool_calls"] * len(called):
        if tool is None and called:
            return f"The run of {title} called tools although it had none."
        if tool is None or called:
            return None
    steps = ", ".join(summary.steps) or "none"
    return f"The run of {title} was completed with unexpected steps: {steps}."
