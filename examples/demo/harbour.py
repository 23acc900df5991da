"""A small real HTTP service, described by its own OpenAPI document: when the next boat leaves."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import unquote

_BOATS = {
    "bergen": {"to": "Stavanger", "departs": "12:40", "quay": 3},
    "ålesund": {"to": "Geiranger", "departs": "09:15", "quay": 1},
    "tromsø": {"to": "Skjervøy", "departs": "16:05", "quay": 2},
}


class Harbour:
    """Runs the service on a free port of this machine, for the time of a `with` block.

    Attributes:
        document: the OpenAPI document, which the service also serves at `/openapi.json`.
        asked: the paths that were asked for, in order.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._answer))
        self.document = _document(f"http://127.0.0.1:{self._server.server_address[1]}")
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "Harbour":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, path: str) -> tuple[int, dict[str, Any]]:
        self.asked.append(path)
        parts = path.strip("/").split("/")
        if parts == ["openapi.json"]:
            return 200, self.document
        if len(parts) == 3 and parts[0] == "harbours" and parts[2] == "next":
            harbour = unquote(parts[1])
            boat = _BOATS.get(harbour.lower())
            if boat is not None:
                return 200, {"harbour": harbour, **boat}
            return 404, {"error": f"No boats leave from {harbour}."}
        return 404, {"error": "There is nothing here."}


def _handler(
    answer: Callable[[str], tuple[int, dict[str, Any]]],
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path)
            data = json.dumps(body, ensure_ascii=False).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Stay silent: the demonstration has the screen."""

    return Handler


def _document(url: str) -> dict[str, Any]:
    harbour = {
        "name": "harbour",
        "in": "path",
        "required": True,
        "description": "The harbour's name, such as Bergen.",
        "schema": {"type": "string"},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Harbour board", "version": "1"},
        "servers": [{"url": url}],
        "paths": {
            "/harbours/{harbour}/next": {
                "get": {
                    "operationId": "next_departure",
                    "summary": "When the next boat leaves a harbour, where it goes, and its quay.",
                    "parameters": [harbour],
                    "responses": {"200": {"description": "The departure."}},
                }
            }
        },
    }
