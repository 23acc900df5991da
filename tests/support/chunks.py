"""What a provider sends, byte by byte: the chunks of chat completions as server-sent events."""

import json
from typing import Any


def sse(*chunks: Any, done: bool = True) -> bytes:
    """Return a stream of these chunks, and of `[DONE]` unless it is left out."""
    events = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks]
    if done:
        events.append("data: [DONE]\n\n")
    return "".join(events).encode()
