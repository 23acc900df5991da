"""What every request gets: an id, a time, a log entry; and an answer, whatever happens."""

import secrets
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import error_response, server_fault
from wiring.telemetry import log_failure, logger

REQUEST_ID = "x-request-id"
PROCESSING_MS = "openai-processing-ms"
VERSION = "openai-version"
# OpenAI has sent this since its API came out; clients log it.
_OPENAI_VERSION = "2020-10-01"


class RequestIds:
    """Gives each request an id, which its response and its log entries carry."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add headers to its response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = f"req_{secrets.token_hex(16)}"
        scope.setdefault("state", {})["request_id"] = request_id
        logger.thread_safe_append_keys(request_id=request_id)
        began = time.perf_counter()
        status = 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = request_id
                headers[PROCESSING_MS] = str(_milliseconds_since(began))
                headers[VERSION] = _OPENAI_VERSION
            await send(message)

        await self._app(scope, receive, send_with_headers)
        # The path holds ids and nothing else; the query may hold anything, and stays out.
        logger.info(
            "request answered",
            extra={
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "milliseconds": _milliseconds_since(began),
            },
        )


class ServerFaults:
    """Answers what nothing else has answered, and logs where it came from."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; if that fails, answer 500."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def note_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, note_start)
        except Exception as error:
            log_failure("request failed", error)
            if started:
                raise
            fault = server_fault(scope["state"]["request_id"])
            await error_response(fault)(scope, receive, send)


def _milliseconds_since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)
