"""Server-sent events, taken from bytes as they arrive.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from collections.abc import Iterable, Iterator
from typing import Final

MAX_LINE_BYTES: Final = 8_000_000


def read_data(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield the data of each event: comments, pings and whatever else has none are passed over.

    An event that the stream's end leaves without its blank line counts: some servers forget it.

    Args:
        pieces: the stream, cut anywhere.

    Raises:
        ValueError: the stream is not UTF-8, or a line of it is longer than `MAX_LINE_BYTES`.
    """
    data: list[str] = []
    for line in _lines(pieces):
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" ").decode())
        elif not line and data:
            yield "\n".join(data)
            data = []
    if data:
        yield "\n".join(data)


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    pending = bytearray()
    for piece in pieces:
        pending += piece
        if len(pending) > MAX_LINE_BYTES:
            raise ValueError("a line of the stream is too long")
        if b"\n" not in piece and b"\r" not in piece:
            continue
        lines = pending.splitlines(keepends=True)
        # After a carriage return at the very end, its line feed may still come.
        pending = bytearray() if lines[-1].endswith(b"\n") else lines.pop()
        yield from (bytes(line.rstrip(b"\r\n")) for line in lines)
    yield from (bytes(line) for line in pending.splitlines())
