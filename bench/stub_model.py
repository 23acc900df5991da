"""A model endpoint that says as many tokens as it is asked for: `python -m bench.stub_model`.

A process of its own, so that only the client's work is measured. The model's name is what it is to
do: `1000@50` says 1,000 tokens, 50 a second; `1000@0` says them as fast as they are read. Chunks
look like OpenAI's, one a token. It writes one line of JSON, `{"url": "http://127.0.0.1:PORT/v1"}`,
and serves until it is ended.
"""

import asyncio
import json
import re
import sys
from typing import Any, Final

TOKEN: Final = " word"
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
_CHUNK: Final = {
    "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
    "object": "chat.completion.chunk",
    "created": 1_800_000_000,
    "model": "bench",
    "service_tier": "default",
    "system_fingerprint": "fp_44709d6fcb",
    "usage": None,
    "obfuscation": "Xk2LqP",
}


def model_name(tokens: int, per_second: int) -> str:
    """Return the name of a model that says so many tokens; `per_second` 0 is without a pause."""
    return f"{tokens}@{per_second}"


def _chunk(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return _event(json.dumps(_CHUNK | {"choices": [choice]} | more, separators=(",", ":")))


def _event(data: str) -> bytes:
    content = f"data: {data}\n\n".encode()
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


_FIRST: Final = _chunk({"role": "assistant", "content": "", "refusal": None})
_SAYS: Final = _chunk({"content": TOKEN})
_LAST: Final = _chunk({}, "stop")


def _end(tokens: int) -> bytes:
    usage = {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": tokens + 10}
    counted = json.dumps(_CHUNK | {"choices": [], "usage": usage})
    return _LAST + _event(counted) + _event("[DONE]") + b"0\r\n\r\n"


async def _serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            size = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(size[1]) if size else 0)
            tokens, per_second = map(int, json.loads(body)["model"].split("@"))
            await _say(writer, tokens, per_second)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _say(writer: asyncio.StreamWriter, tokens: int, per_second: int) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    writer.write(_HEAD + _FIRST)
    for number in range(tokens):
        if per_second:
            await asyncio.sleep(began + number / per_second - loop.time())
        writer.write(_SAYS)
        await writer.drain()
    writer.write(_end(tokens))
    await writer.drain()


async def serve() -> None:
    """Serve until cancelled."""
    server = await asyncio.start_server(_serve_one, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{port}/v1"}) + "\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
