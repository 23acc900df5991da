"""Azure's way of calling the same API, for clients that were written for it.

Azure's paths name a deployment, or none, its key comes in a header of its own, and a version of the
API is in every query. All of that is translated here, so that nothing behind knows of it:

    /openai/threads                       /v1/threads
    /openai/v1/threads                    /v1/threads
    /openai/deployments/{name}/threads    /v1/threads: what runs names its model itself
    api-key: KEY                          authorization: Bearer KEY
    ?api-version=2024-05-01-preview       dropped, whichever it is: only one is served
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_plus

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

_AZURE_PATH: Final = re.compile(
    r"/openai(?:/v1|/deployments/[^/]+)?/(?P<resource>.+)", flags=re.DOTALL
)
_CLIENT_PATH: Final = "threadrunner.client_path"
_KEY: Final = b"api-key"
_VERSION: Final = "api-version"

Headers = list[tuple[bytes, bytes]]


class AzureRequests:
    """Turns a request in Azure's form into the one that it stands for; others pass unchanged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        await self._app(_translated(scope), receive, send)


def client_path(connection: HTTPConnection) -> str:
    """Return the path that the client used, for errors to show."""
    path: str = connection.scope.get(_CLIENT_PATH, connection.url.path)
    return path


def _translated(scope: Scope) -> Scope:
    match = _AZURE_PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
    if match is None:
        return scope
    # The outer layers keep theirs: the log shows the path that the client used.
    return {
        **scope,
        _CLIENT_PATH: scope["path"],
        "path": f"/v1/{match['resource']}",
        "query_string": _without_version(scope["query_string"]),
        "headers": _with_bearer(scope["headers"]),
    }


def _without_version(query: bytes) -> bytes:
    kept = [
        pair
        for pair in query.split(b"&")
        if unquote_plus(pair.partition(b"=")[0].decode("latin-1")) != _VERSION
    ]
    return b"&".join(kept)


def _with_bearer(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    given = list(headers)
    kept = [(name, value) for name, value in given if name != _KEY]
    keys = [value for name, value in given if name == _KEY]
    if keys and not any(name == b"authorization" for name, _ in kept):
        kept.append((b"authorization", b"Bearer " + keys[0]))
    return kept
