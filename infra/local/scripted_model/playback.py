"""ASGI responses that play a prepared answer against the clock."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping

from starlette.types import Receive, Scope, Send

from infra.local.scripted_model import wire
from infra.local.scripted_model.connection import cut, transport_of
from infra.local.scripted_model.errors import ApiError
from infra.local.scripted_model.recorder import RequestRecord
from infra.local.scripted_model.reply import Reply
from infra.local.scripted_model.timeline import Cut, Delta, Finish, Garbage, Timed, build_timeline

_FLUSH_SECONDS = 1.0

_JSON = {"content-type": "application/json"}
_EVENTS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}


class Playback(ABC):
    """A response that takes its time and stops when the caller is gone."""

    def __init__(self, record: RequestRecord) -> None:
        """Take the record that is to know how the response went."""
        self._record = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Play, but only as long as the caller listens: as an ASGI application."""
        transport = transport_of(scope["state"])
        playing = asyncio.ensure_future(self._play(send, transport))
        watching = asyncio.ensure_future(_wait_for_disconnect(receive))
        try:
            await asyncio.wait({playing, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            playing.cancel()
            watching.cancel()
            await asyncio.gather(playing, watching, return_exceptions=True)
        if playing.cancelled():
            self._record.close("disconnected")
        else:
            playing.result()

    @abstractmethod
    async def _play(self, send: Send, transport: asyncio.Transport) -> None:
        """Send the response."""

    async def _start(self, send: Send, status: int, headers: Mapping[str, str]) -> None:
        request_id = f"req_scripted_{self._record.number}"
        everything = {**headers, "x-request-id": request_id}
        raw = [(name.encode(), value.encode("latin-1")) for name, value in everything.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        self._record.status = status

    async def _send_json(
        self, send: Send, status: int, headers: Mapping[str, str], body: bytes
    ) -> None:
        length = {"content-length": str(len(body))}
        await self._start(send, status, {**_JSON, **length, **headers})
        await send({"type": "http.response.body", "body": body})

    async def _cut(self, transport: asyncio.Transport) -> None:
        self._record.close("cut")
        await cut(transport, _FLUSH_SECONDS)
        # The response is incomplete. It ends by being cancelled, once the connection is gone.
        await asyncio.Event().wait()


class StreamedReply(Playback):
    """An answer as a stream of events, each at its own time."""

    def __init__(self, reply: Reply, envelope: wire.Envelope, record: RequestRecord) -> None:
        """Take the answer, what its chunks have in common, and the request's record."""
        super().__init__(record)
        self._reply = reply
        self._envelope = envelope

    async def _play(self, send: Send, transport: asyncio.Transport) -> None:
        timeline = build_timeline(self._reply)
        await asyncio.sleep(self._reply.pace.delay)
        await self._start(send, 200, _EVENTS)
        start = asyncio.get_running_loop().time()
        for timed in timeline:
            await _sleep_until(start + timed.at)
            if isinstance(timed.event, Cut):
                await self._cut(transport)
            await self._send_event(send, timed)
        await send({"type": "http.response.body", "body": b""})
        self._record.close("completed")

    async def _send_event(self, send: Send, timed: Timed) -> None:
        for body in self._render(timed):
            await send({"type": "http.response.body", "body": body, "more_body": True})
            is_token = isinstance(timed.event, Delta) and timed.event.is_token
            self._record.note_chunk(is_token=is_token)

    def _render(self, timed: Timed) -> list[bytes]:
        match timed.event:
            case Delta(fields):
                return [self._envelope.chunk(fields)]
            case Garbage():
                return [wire.GARBAGE]
            case Finish():
                return self._envelope.finish(self._reply)
            case Cut():
                return []


class WholeReply(Playback):
    """An answer in one piece, as late as the last token of its stream would come."""

    def __init__(self, reply: Reply, envelope: wire.Envelope, record: RequestRecord) -> None:
        """Take the answer, what surrounds it, and the request's record."""
        super().__init__(record)
        self._reply = reply
        self._envelope = envelope

    async def _play(self, send: Send, transport: asyncio.Transport) -> None:
        end = build_timeline(self._reply)[-1]
        await asyncio.sleep(self._reply.pace.delay + end.at)
        if isinstance(end.event, Cut):
            await self._cut(transport)
        malformed = self._reply.faults.malformed
        body = wire.BROKEN_BODY if malformed else self._envelope.completion(self._reply)
        await self._send_json(send, 200, {}, body)
        self._record.close("completed")


class RefusedRequest(Playback):
    """An error response."""

    def __init__(self, error: ApiError, record: RequestRecord, delay: float = 0) -> None:
        """Take the error, the request's record, and the seconds to wait before answering."""
        super().__init__(record)
        self._error = error
        self._delay = delay

    async def _play(self, send: Send, transport: asyncio.Transport) -> None:
        await asyncio.sleep(self._delay)
        body = wire.encode(self._error.body())
        await self._send_json(send, self._error.status, self._error.headers, body)
        self._record.close("refused")


async def _sleep_until(moment: float) -> None:
    # A moment that is past still yields, so that an answer without pauses lets the others go on.
    await asyncio.sleep(max(0, moment - asyncio.get_running_loop().time()))


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
