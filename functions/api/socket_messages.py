"""Requests and answers of the WebSocket as JSON texts."""

import json
from json import JSONDecodeError
from typing import Any

from api.json_body import parse_json
from api.statuses import status_of
from api.validation import validated
from core.errors import ApiError, InvalidRequest
from core.frames import MAX_FRAME_BYTES
from core.schema.runs import Run
from core.schema.socket import REQUESTS, Request, SocketRequest


def parse_message(text: str) -> dict[str, Any]:
    """Return the object that a client sent.

    Raises:
        InvalidRequest: it is not a JSON object, or none that can be stored and sent back.
    """
    try:
        value = parse_json(text.encode())
    except (JSONDecodeError, UnicodeEncodeError):
        value = None
    if not isinstance(value, dict):
        raise InvalidRequest("The message is not a JSON object.", code="invalid_json")
    return value


def id_of(message: dict[str, Any]) -> str | None:
    """Return the id of a request, even of one that is wrong otherwise; None if it has none."""
    try:
        return validated(SocketRequest, {"id": message.get("id")}).id
    except InvalidRequest:
        return None


def parse_request(message: dict[str, Any]) -> Request:
    """Return the request that a message is.

    Raises:
        InvalidRequest: it is none, in the words of the HTTP API.
    """
    action = message.get("action")
    kind = REQUESTS.get(action) if isinstance(action, str) else None
    if kind is None:
        known = ", ".join(f"'{name}'" for name in REQUESTS)
        raise InvalidRequest(
            f"Invalid 'action': it must be one of {known}.", param="action", code="unknown_action"
        )
    return validated(kind, message)


def spell(answer: dict[str, Any], request_id: str | None) -> str:
    """Return an answer as text, with the id that the client gave its request."""
    return json.dumps(
        answer if request_id is None else answer | {"id": request_id}, separators=(",", ":")
    )


def error_answer(error: ApiError, status: int | None = None) -> dict[str, Any]:
    """Return the answer to a request that was refused: what HTTP says, and its status."""
    return {"type": "error", **error.body(), "status": status or status_of(error)}


def run_answer(kind: str, run: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the answer that shows a run; one that is too large for a frame goes by reference.

    Args:
        kind: the message's type.
        run: the run as the HTTP API shows it.
        more: further fields.
    """
    named = {"type": kind, "thread_id": run["thread_id"], "run_id": run["id"], **more}
    if len(json.dumps(run, separators=(",", ":"))) <= MAX_FRAME_BYTES - 1024:
        return named | {"run": run}
    return named | {"run": None, "href": f"/v1/threads/{run['thread_id']}/runs/{run['id']}"}


def run_object(run: Run) -> dict[str, Any]:
    """Return a run as the HTTP API shows it."""
    return run.model_dump(mode="json")
