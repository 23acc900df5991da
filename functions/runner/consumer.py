"""What the consumers of all queues do alike: each message on its own, and pushes before the end."""

from collections.abc import Callable
from typing import Any

from wiring.bootstrap import SupervisorContext


def consume(
    context: SupervisorContext,
    event: dict[str, Any],
    handle: Callable[[dict[str, Any]], bool],
    *,
    drain_seconds: float,
) -> dict[str, Any]:
    """Handle the messages of an SQS event; one that fails does not bring back its neighbours.

    Args:
        context: its pusher is drained at the end, since Lambda freezes what is not done by then.
        event: the SQS event.
        handle: handles a record, and tells whether it is done with.
        drain_seconds: how long the pushes may take.

    Returns:
        The messages that shall come back (`batchItemFailures`).
    """
    failures = [
        {"itemIdentifier": record["messageId"]} for record in event["Records"] if not handle(record)
    ]
    context.pusher.drain(drain_seconds)
    return {"batchItemFailures": failures}
