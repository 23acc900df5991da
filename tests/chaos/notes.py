"""A real service on this machine that acts on what it is asked, and remembers how often it was."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.chaos.plan import WRITE_NOTE
from tests.support.http_service import Exchange, HttpService, Received, http_service


def note_of(key: str) -> str:
    """Return what the service answers to a request with this idempotency key."""
    return json.dumps({"written": key})


class Notes:
    """The service while it runs.

    Args:
        service: where it listens, and what it received.
    """

    def __init__(self, service: HttpService) -> None:
        self._service = service

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return self._service.port

    @property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document of its one operation. It is no safe one: it acts each time."""
        parameters = [
            {"name": "number", "in": "path", "required": True, "schema": {"type": "integer"}},
            {"name": "seconds", "in": "query", "required": True, "schema": {"type": "number"}},
        ]
        operation = {
            "operationId": WRITE_NOTE,
            "summary": "Writes a note, which takes some seconds.",
            "parameters": parameters,
            "responses": {"200": {"description": "The note."}},
        }
        return {
            "openapi": "3.1.0",
            "info": {"title": "Notes", "version": "1"},
            "servers": [{"url": f"http://127.0.0.1:{self.port}"}],
            "paths": {"/notes/{number}": {"post": operation}},
        }

    def counts(self) -> Counter[str]:
        """Return how often it was asked with each idempotency key; "" stands for none."""
        return Counter(
            request.headers.get("idempotency-key", "") for request in self._service.received
        )


@contextmanager
def notes_service() -> Iterator[Notes]:
    """Run the service for as long as the context lasts."""
    with http_service(_write) as service:
        yield Notes(service)


def _write(exchange: Exchange, request: Received) -> None:
    query = parse_qs(urlsplit(request.target).query)
    time.sleep(float(query["seconds"][0]))
    body = note_of(request.headers.get("idempotency-key", ""))
    exchange.answer(200, body.encode(), Content_Type="application/json")
