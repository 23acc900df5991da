"""The API as a Lambda function that streams: a web server behind the AWS Lambda Web Adapter.

The adapter turns each of Lambda's events into an HTTP request, and streams the answer back while it
is made (https://github.com/aws/aws-lambda-web-adapter). There is no handler here that Powertools
could wrap, and one request at a time: what its decorators do is done around each request.
"""

import json
import time

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import app
from api.invocations import finish_pushes, measure_request
from wiring.telemetry import duration, metrics

# Where the adapter puts the gateway's context of the request; it replaces what a client sends.
REQUEST_CONTEXT = "x-amzn-request-context"


def create_app() -> FastAPI:
    """Return the application as uvicorn serves it beside the adapter."""
    served = app.create_app()
    served.add_middleware(Invocations)
    return served


class Invocations:
    """Makes an invocation of each request that came through the gateway."""

    def __init__(self, served: ASGIApp) -> None:
        self._app = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; before its answer ends, everything is done that belongs to it."""
        context = Headers(scope=scope).get(REQUEST_CONTEXT) if scope["type"] == "http" else None
        if context is None:
            # The adapter asks whether the server is up.
            await self._app(scope, receive, send)
            return
        invocation = _Invocation(send)
        scope["aws.event"] = {"requestContext": json.loads(context) or {}}
        try:
            await self._app(scope, receive, invocation.send)
        finally:
            await invocation.finish()


class _Invocation:
    """One request's answer, and what is measured of it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._began = time.monotonic()
        self._status = 500
        self._answered: float | None = None
        self._finished = False

    async def send(self, message: Message) -> None:
        """Send a part of the answer; the last one leaves when all else is done."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._answered = time.monotonic()
        elif not message.get("more_body", False):
            await self.finish()
        await self._send(message)

    async def finish(self) -> None:
        """Do what Lambda would freeze, once."""
        if not self._finished:
            self._finished = True
            await run_in_threadpool(finish_pushes)
            self._measure()

    def _measure(self) -> None:
        now = time.monotonic()
        measure_request(self._status, (self._answered or now) - self._began)
        duration("StreamTime", (now - self._began) * 1000)
        metrics.flush_metrics()
