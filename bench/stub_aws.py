"""Answers for what a runner asks of AWS while it streams: `python -m bench.stub_aws`.

A process of its own, so that only the client's work is measured. The answers have the shapes,
headers and, if it is told so, the delay of the real ones, and are always the same: nothing is
stored. It writes one line of JSON, `{"url": "http://127.0.0.1:PORT"}`, and serves until it is
ended.
"""

import argparse
import asyncio
import base64
import json
import sys
import zlib
from collections.abc import Sequence
from typing import Any, Final

# What the runner that is measured holds, and who watches it.
OWNER: Final = "bench/1"
EPOCH: Final = 1
_LEASE: Final = {"lease_owner": {"S": OWNER}, "epoch": {"N": str(EPOCH)}}


class Answers:
    """What is answered to which request.

    Args:
        subscribers: how many connections watch the run.
    """

    def __init__(self, subscribers: int) -> None:
        found = [{"sk": {"S": f"sub#{connection(number)}#*"}} for number in range(subscribers)]
        self._bodies = {
            "PutItem": {},
            "TransactWriteItems": {},
            "UpdateItem": {"Attributes": _LEASE},
            "GetItem": {"Item": _LEASE},
            "Query": {"Items": found, "Count": subscribers, "ScannedCount": subscribers},
        }

    def to(self, target: str) -> bytes:
        """Return the response to an operation; a target of "" is a push."""
        if not target:
            return _response(b"", {"content-type": "application/json"})
        body = json.dumps(self._bodies[target], separators=(",", ":")).encode()
        checksum = str(zlib.crc32(body))
        return _response(
            body, {"content-type": "application/x-amz-json-1.0", "x-amz-crc32": checksum}
        )


def connection(number: int) -> str:
    """Return the id of a connection, of the length and the letters of the gateway's."""
    return base64.urlsafe_b64encode(b"bench%06d" % number).decode()


class Connection(asyncio.Protocol):
    """One connection, whose requests are answered in their order.

    Args:
        answers: to what is asked.
        delay_seconds: how long each answer takes.
    """

    def __init__(self, answers: Answers, delay_seconds: float) -> None:
        self._answers = answers
        self._delay_seconds = delay_seconds
        self._received = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is complete."""
        self._received += data
        while (target := self._next_target()) is not None:
            answer = self._answers.to(target)
            if self._delay_seconds:
                loop = asyncio.get_running_loop()
                loop.call_later(self._delay_seconds, self._transport.write, answer)
            else:
                self._transport.write(answer)

    def _next_target(self) -> str | None:
        head, end, _ = self._received.partition(b"\r\n\r\n")
        if not end:
            return None
        headers = _headers(bytes(head))
        size = len(head) + len(end) + int(headers.get("content-length", "0"))
        if len(self._received) < size:
            return None
        del self._received[:size]
        return headers.get("x-amz-target", "").rpartition(".")[2]


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    fields = (line.partition(":") for line in lines)
    return {name.lower(): value.strip() for name, _, value in fields}


def _response(body: bytes, headers: dict[str, str]) -> bytes:
    everything = {
        "server": "Server",
        "date": "Wed, 25 Nov 2026 12:00:00 GMT",
        "connection": "keep-alive",
        "x-amzn-requestid": "BENCH0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDE",
        "content-length": str(len(body)),
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in everything.items())
    return f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode() + body


async def serve(answers: Answers, delay_seconds: float) -> None:
    """Serve until cancelled."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answers, delay_seconds), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{port}"}) + "\n")
    sys.stdout.flush()
    await server.serve_forever()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.stub_aws", description=__doc__)
    parser.add_argument("--subscribers", type=int, default=0)
    parser.add_argument("--delay-ms", type=float, default=0)
    options = parser.parse_args(arguments)
    asyncio.run(serve(Answers(options.subscribers), options.delay_ms / 1000))


if __name__ == "__main__":
    main()
