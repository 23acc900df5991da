"""The JSON messages between client and server, without any I/O."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from threadrunner_client.errors import ProtocolError
from threadrunner_client.ordering import EventId, Frame


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
        passing: the same request may work in a while.
    """

    id: str | None
    code: str | None
    message: str
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


ServerMessage = Frame | Subscribed | Unsubscribed | Pong | Refused | Unknown


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


def unsubscribe(thread_id: str, run_id: str | None) -> str:
    """Return the request that takes a subscription back."""
    return json.dumps(_target("unsubscribe", thread_id, run_id))


def ping() -> str:
    """Return the request that keeps an idle connection open."""
    return json.dumps({"action": "ping"})


def _target(action: str, thread_id: str, run_id: str | None) -> dict[str, str]:
    message = {"action": action, "thread_id": thread_id}
    if run_id is not None:
        message["run_id"] = run_id
    return message


def _subscribed(message: Mapping[str, Any]) -> Subscribed:
    last = message.get("last")
    try:
        newest = None if last is None else EventId.parse(last)
    except ValueError as error:
        raise ProtocolError(f"The server's 'subscribed' has a wrong 'last': {error}") from None
    return Subscribed(_optional_text(message, "id"), newest, _optional_text(message, "status"))


def _refused(message: Mapping[str, Any]) -> Refused:
    error = message.get("error")
    if not isinstance(error, dict):
        raise ProtocolError("The server's 'error' has no 'error' object.")
    code = _optional_text(error, "code")
    return Refused(
        id=_optional_text(message, "id"),
        code=code,
        message=_optional_text(error, "message") or "The server gave no reason.",
        passing=error.get("type") == "server_error" or code == "rate_limit_exceeded",
    )


def _optional_text(source: Mapping[str, Any], name: str) -> str | None:
    value = source.get(name)
    return value if isinstance(value, str) else None
