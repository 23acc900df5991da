"""What a provider sends, byte by byte: the chunks of chat completions as server-sent events."""

import json
from typing import Any

Chunk = dict[str, Any]


def sse(*chunks: Any, done: bool = True) -> bytes:
    """Return a stream of these chunks, and of `[DONE]` unless it is left out."""
    events = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks]
    if done:
        events.append("data: [DONE]\n\n")
    return "".join(events).encode()


def delta(content: Any, **further: Any) -> Chunk:
    """Return a chunk with a delta; `further` stands beside it in the choice."""
    return {"choices": [{"index": 0, "delta": content, **further}]}


def said(text: str) -> Chunk:
    """Return a chunk of text."""
    return delta({"content": text})


def called(*fragments: Chunk, content: str | None = None) -> Chunk:
    """Return a chunk with pieces of tool calls, and with text if some is given."""
    beside = {} if content is None else {"content": content}
    return delta({"tool_calls": list(fragments), **beside})


def piece(
    index: int | None = None,
    call_id: str | None = None,
    name: str | None = None,
    arguments: Any = None,
) -> Chunk:
    """Return a piece of a tool call; what is not given is not there."""
    function = {"name": name, "arguments": arguments}
    fields = {"index": index, "id": call_id, "type": "function" if call_id else None}
    given = {key: value for key, value in fields.items() if value is not None}
    return given | {"function": {key: each for key, each in function.items() if each is not None}}


def end(reason: str | None = "stop", **further: Any) -> Chunk:
    """Return the chunk with the reason why the answer ends; `further` stands beside its choices."""
    return delta({}, finish_reason=reason) | further


def usage(prompt: int, completion: int) -> Chunk:
    """Return the field that counts an answer's tokens."""
    total = prompt + completion
    counted = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
    return {"usage": counted}
