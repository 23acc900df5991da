"""How every route takes a request: the key first, then the body, read strictly."""

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from fastapi import HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from api.auth import authenticate
from core.keys import KeyRecord, KeyScope
from core.strict_json import parse_json

# Lambda takes 6 MB with the body in base64, and a body's messages go into one transaction of 4 MB.
MAX_BODY_BYTES = 3_800_000


class StrictRequest(Request):
    """A request whose body is of limited size, and JSON in the strict sense."""

    async def body(self) -> bytes:
        """Return the body.

        Raises:
            HTTPException: it is larger than `MAX_BODY_BYTES`.
        """
        body = await super().body()
        if len(body) > MAX_BODY_BYTES:
            raise HTTPException(413)
        return body

    async def json(self) -> Any:
        """Return the body's value.

        Raises:
            JSONDecodeError: it is not JSON.
        """
        return parse_json(await self.body())


class KeyedRoute(APIRoute):
    """A route that takes a key; `scope` says of which kind.

    The key is looked at before the body is, so that only callers who are known are told what is
    wrong with what they sent.
    """

    scope: ClassVar[KeyScope]

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, wrapped in the check of the key."""
        handle = super().get_route_handler()

        async def with_key(request: Request) -> Response:
            header = request.headers.get("authorization")
            request.state.caller = await run_in_threadpool(self._caller, request, header)
            return await handle(StrictRequest(request.scope, request.receive))

        return with_key

    def _caller(self, request: Request, header: str | None) -> KeyRecord:
        return authenticate(header, request.app.state.context().keys.find, self.scope)


class ProjectRoute(KeyedRoute):
    """A route for the keys of projects."""

    scope = "project"


class AdminRoute(KeyedRoute):
    """A route for admin keys."""

    scope = "admin"
