"""WebSocket frames: a batch of the log as one or more JSON texts that the gateway lets through."""

import json
from typing import Any

from core.event_log import Batch, EventId

# API Gateway takes messages of up to 128 KB; the rest is left for the envelope.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
MAX_FRAME_BYTES = 120 * 1024


def frames(thread_id: str, run_id: str, batch: Batch, *, limit: int = MAX_FRAME_BYTES) -> list[str]:
    """Return a batch as frames, in order.

    Args:
        thread_id: the run's thread.
        run_id: the run.
        batch: what is sent.
        limit: bytes that a frame may have.

    Returns:
        JSON texts. An event that is too large for any frame goes by reference: `data` is null and
        `href` is where the API serves it.
    """
    texts: list[str] = []
    after = batch.after
    entries: list[str] = []
    size = 0
    frame_after = after
    for event_id, event in batch.numbered():
        entry = _entry(event_id, event.name, event.data)
        if len(entry.encode()) > limit - 300:
            entry = _reference(thread_id, run_id, event_id, event.name, after)
        length = len(entry.encode()) + 1
        if entries and size + length > limit - 300:
            texts.append(_frame(thread_id, run_id, frame_after, entries))
            entries, size, frame_after = [], 0, after
        entries.append(entry)
        size += length
        after = event_id
    texts.append(_frame(thread_id, run_id, frame_after, entries))
    return texts


def _entry(event_id: EventId, name: str, data: dict[str, Any]) -> str:
    return _dump({"id": str(event_id), "event": name, "data": data})


def _reference(
    thread_id: str, run_id: str, event_id: EventId, name: str, after: EventId | None
) -> str:
    query = f"?after={after}&limit=1" if after is not None else "?limit=1"
    href = f"/v1/threads/{thread_id}/runs/{run_id}/events{query}"
    return _dump({"id": str(event_id), "event": name, "data": None, "href": href})


def _frame(thread_id: str, run_id: str, after: EventId | None, entries: list[str]) -> str:
    head = _dump(
        {"run_id": run_id, "thread_id": thread_id, "after": None if after is None else str(after)}
    )
    return f'{head[:-1]},"events":[{",".join(entries)}]}}'


def _dump(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
