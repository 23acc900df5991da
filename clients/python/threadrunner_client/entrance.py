"""How a connection proves who the client is: a key in a header, or a ticket in the URL's query."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

from threadrunner_client.errors import ConnectionLost, ThreadRunnerError
from threadrunner_client.key import ApiKey

CLOSE_TIMEOUT_SECONDS: Final = 1.0

Tickets = Callable[[], str]
AsyncTickets = Callable[[], str | Awaitable[str]]

# At its debug level the library writes headers and messages to its log: the key and what users say.
_SILENT = logging.Logger("threadrunner_client.websockets")
_SILENT.disabled = True


class NoTicket(Exception):
    """A caller's function did not give a ticket; the message says why, without what it gave."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """Where to connect to, and with which headers; both may hold secrets."""

    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)


def check_url(url: str) -> str:
    """Return a WebSocket URL if it can be connected to.

    Raises:
        ValueError: it is not a ws: or wss: URL with a host, or it carries a user name or a
            fragment.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError("The WebSocket URL does not begin with wss:// (or ws://) and a host.")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("The WebSocket URL may have neither a user name nor a fragment.")
    return url


class Entrance:
    """Makes the handshake of each connection.

    Args:
        url: the WebSocket's.
        key: the API key, if there is one; not sent with a handshake that has a ticket.
        ticket: a ticket, good for one connection; or a function that gets one for each.

    Attributes:
        ticket: gets a ticket; None if the key is sent.

    Raises:
        ValueError: the URL cannot be used, or there is neither a key nor a ticket.
    """

    def __init__(self, url: str, key: ApiKey | None, ticket: str | AsyncTickets | None) -> None:
        self._url = check_url(url)
        self._headers = {} if key is None else key.headers()
        self._spent = False
        if ticket is None and key is None:
            raise ValueError("The client needs an API key or a ticket.")
        self.ticket: AsyncTickets | None
        if isinstance(ticket, str):
            self.ticket = lambda: self._only(ticket)
        else:
            self.ticket = ticket

    def __repr__(self) -> str:
        return f"Entrance({self.credential})"

    @property
    def credential(self) -> str:
        """What the server is shown, in words."""
        return "API key" if self.ticket is None else "ticket"

    def handshake(self, ticket: object = None) -> Handshake:
        """Return what is sent.

        Args:
            ticket: what the function gave; not looked at if the key is sent.

        Raises:
            NoTicket: it gave something else.
        """
        if self.ticket is None:
            return Handshake(self._url, self._headers)
        if not isinstance(ticket, str) or not ticket:
            raise NoTicket(f"no ticket was given, but a {type(ticket).__name__}")
        parts = urlsplit(self._url)
        query = f"{parts.query}&" if parts.query else ""
        return Handshake(
            urlunsplit(parts._replace(query=f"{query}ticket={quote(ticket, safe='')}")), {}
        )

    def passed(self) -> None:
        """Note that a handshake was accepted: its ticket is used up."""
        self._spent = True

    def _only(self, ticket: str) -> str:
        if self._spent:
            raise ConnectionLost(
                "The connection was lost, and the ticket was good for one only: give the client a "
                "function that gets tickets."
            )
        return ticket


def ticket_failure(error: Exception) -> Exception:
    """Return what to raise for an exception of a caller's function.

    The package's own errors are final; of any other only the kind is told, because its text may
    quote what was sent.
    """
    if isinstance(error, ThreadRunnerError):
        return error
    return NoTicket(f"no ticket could be had ({type(error).__name__})")


def connect_options(
    handshake: Handshake, *, open_timeout: float, keepalive_interval: float | None
) -> dict[str, Any]:
    """Return how `websockets` connects, threaded or asynchronous."""
    return {
        "additional_headers": handshake.headers,
        "user_agent_header": "threadrunner-client",
        "open_timeout": open_timeout,
        "close_timeout": CLOSE_TIMEOUT_SECONDS,
        "ping_interval": keepalive_interval,
        "ping_timeout": keepalive_interval,
        # API Gateway has trouble with some parameters of compression, and frames are small.
        "compression": None,
        # Messages wait in the subscriptions' queues; a full queue here would stop the pings.
        "max_queue": None,
        "logger": _SILENT,
    }
