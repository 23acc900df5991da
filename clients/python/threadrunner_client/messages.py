"""The JSON messages between client and server, without any I/O."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from threadrunner_client.errors import ProtocolError
from threadrunner_client.ordering import EventId, Frame

# API Gateway closes a connection that sends more in one message, or in one frame of a message.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
LARGEST_MESSAGE: Final = 128 * 1024
_LARGEST_FRAME: Final = 32 * 1024 - 64


@dataclass(frozen=True, slots=True)
class Creation:
    """A run that is to be created.

    Attributes:
        thread_id: its thread; None if that is created with it.
        run: what the HTTP API takes as the body of the same request.
        idempotency_key: repetitions with the same one get the run that the first one created.
    """

    thread_id: str | None
    run: Mapping[str, Any] = field(repr=False)
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Created:
    """A run was created, and the connection is subscribed to it.

    Attributes:
        id: what the request was called.
        thread_id: the run's thread.
        run_id: the run.
        run: the run as the HTTP API would have answered; None if it was too large for a frame.
        last: the newest event that its log then held; None if there was none, or it is not said.
    """

    id: str | None
    thread_id: str
    run_id: str
    run: dict[str, Any] | None = field(repr=False)
    last: EventId | None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription stands, and what the log held was pushed before this.

    Attributes:
        id: what the subscription's request was called.
        last: the newest event that was pushed; None if there was none.
        status: the run's status, if the subscription is to a run.
    """

    id: str | None
    last: EventId | None
    status: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The server could not do what it was asked to do.

    Attributes:
        id: what the request was called, if the server could tell.
        code: the server's word for the reason, if any.
        message: its explanation.
        param: the part of the request that it is about, if any.
        passing: the same request may work in a while.
    """

    id: str | None
    code: str | None
    message: str
    param: str | None
    passing: bool


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping."""


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """A subscription was taken back: to a run, or (without one) to a thread as a whole."""

    thread_id: str | None
    run_id: str | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something else: a gateway reports its own trouble in words of its own."""


ServerMessage = Frame | Subscribed | Created | Unsubscribed | Pong | Refused | Unknown


def parse_message(text: str | bytes) -> ServerMessage:
    """Return what the server said.

    Raises:
        ProtocolError: it is one of the protocol's messages, but malformed.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return Unknown()
    if not isinstance(message, dict):
        return Unknown()
    if "events" in message:
        return Frame.parse(message)
    match message.get("type"):
        case "subscribed":
            return _subscribed(message)
        case "run.created":
            return _created(message)
        case "error":
            return _refused(message)
        case "pong":
            return Pong()
        case "unsubscribed":
            return Unsubscribed(
                _optional_text(message, "thread_id"), _optional_text(message, "run_id")
            )
        case _:
            return Unknown()


def subscribe(thread_id: str, run_id: str | None, *, after: EventId | None, request_id: str) -> str:
    """Return the request for a run's events after an id, or for the events of a whole thread."""
    message = _target("subscribe", thread_id, run_id)
    if run_id is not None and after is not None:
        message["after"] = str(after)
    message["id"] = request_id
    return json.dumps(message)


def create(creation: Creation, *, request_id: str) -> str:
    """Return the request that creates a run, and subscribes to it."""
    message: dict[str, Any] = {"action": "run.create", "id": request_id}
    if creation.thread_id is not None:
        message["thread_id"] = creation.thread_id
    message["run"] = creation.run
    message["idempotency_key"] = creation.idempotency_key
    return json.dumps(message)


def unsubscribe(thread_id: str, run_id: str | None) -> str:
    """Return the request that takes a subscription back."""
    return json.dumps(_target("unsubscribe", thread_id, run_id))


def ping() -> str:
    """Return the request that keeps an idle connection open."""
    return json.dumps({"action": "ping"})


def framed(text: str) -> str | list[str]:
    """Return a message as `websockets` sends it: whole, or in parts of one frame each.

    Args:
        text: a request of this module, and so ASCII: a character is a byte.
    """
    if len(text) <= _LARGEST_FRAME:
        return text
    return [text[start : start + _LARGEST_FRAME] for start in range(0, len(text), _LARGEST_FRAME)]


def _target(action: str, thread_id: str, run_id: str | None) -> dict[str, str]:
    message = {"action": action, "thread_id": thread_id}
    if run_id is not None:
        message["run_id"] = run_id
    return message


def _subscribed(message: Mapping[str, Any]) -> Subscribed:
    last = _last(message, "subscribed")
    return Subscribed(_optional_text(message, "id"), last, _optional_text(message, "status"))


def _created(message: Mapping[str, Any]) -> Created:
    thread_id, run_id = _optional_text(message, "thread_id"), _optional_text(message, "run_id")
    run = message.get("run")
    if not thread_id or not run_id or not (run is None or isinstance(run, dict)):
        raise ProtocolError("The server's 'run.created' does not tell the thread and the run.")
    last = _last(message, "run.created")
    return Created(_optional_text(message, "id"), thread_id, run_id, run, last)


def _last(message: Mapping[str, Any], kind: str) -> EventId | None:
    last = message.get("last")
    try:
        return None if last is None else EventId.parse(last)
    except ValueError as error:
        raise ProtocolError(f"The server's {kind!r} has a wrong 'last': {error}") from None


def _refused(message: Mapping[str, Any]) -> Refused:
    error = message.get("error")
    if not isinstance(error, dict):
        raise ProtocolError("The server's 'error' has no 'error' object.")
    code = _optional_text(error, "code")
    return Refused(
        id=_optional_text(message, "id"),
        code=code,
        message=_optional_text(error, "message") or "The server gave no reason.",
        param=_optional_text(error, "param"),
        passing=error.get("type") == "server_error" or code == "rate_limit_exceeded",
    )


def _optional_text(source: Mapping[str, Any], name: str) -> str | None:
    value = source.get(name)
    return value if isinstance(value, str) else None
