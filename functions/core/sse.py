"""Server-sent events as OpenAI's clients read them.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

import json
from typing import Final

from core.errors import ApiError
from core.event_log import Event, EventId

DONE: Final = b"event: done\ndata: [DONE]\n\n"
# A comment, which every client passes over: a line and no more. Of a blank line, OpenAI's Python
# SDK would make an event with the last id that it has seen, and fail for want of its data.
KEEPALIVE: Final = b": keepalive\n"
# Some clients take these for ends of lines, as Python's `splitlines` does; JSON can escape them.
_LINE_ENDS: Final = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "\x85\u2028\u2029"})


def event_text(event_id: EventId, event: Event) -> bytes:
    """Return an event of a run with the id by which the stream can be taken up behind it."""
    data = json.dumps(event.data, separators=(",", ":"), ensure_ascii=False)
    text = f"event: {event.name}\nid: {event_id}\ndata: {data.translate(_LINE_ENDS)}\n\n"
    return text.encode()


def error_text(error: ApiError) -> bytes:
    """Return an error that breaks a stream off, in the shape in which the SDKs raise it."""
    return f"event: error\ndata: {json.dumps(error.body())}\n\n".encode()
