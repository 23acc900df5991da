"""What a connection tells its client, and what its failures mean."""

import os
import ssl
from dataclasses import dataclass

from websockets.exceptions import ConnectionClosed, InvalidStatus

from threadrunner_client.entrance import NoTicket
from threadrunner_client.errors import AuthenticationError, ConnectionLost, ThreadRunnerError

# Client errors that may pass: request timeout, too early, too many requests.
_PASSING_STATUSES = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Opened:
    """The connection stands."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be opened.

    Attributes:
        reason: why, in a few words without secrets.
        final: the error to end with, if trying again is of no use.
    """

    reason: str
    final: ThreadRunnerError | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A message came."""

    text: str | bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The connection had been open, and is no longer."""

    reason: str


Report = Opened | Failed | Received | Closed


def failure_of(error: Exception, credential: str) -> Failed:
    """Return why a connection could not be opened, and whether it will be the same next time.

    Args:
        error: what the attempt raised.
        credential: what the server was shown, in words.
    """
    if isinstance(error, ThreadRunnerError):
        return Failed(str(error), error)
    if isinstance(error, NoTicket):
        return Failed(str(error))
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        return Failed(f"HTTP status {status}", _final_status(status, credential))
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = f"the server's certificate is not valid: {error.verify_message}"
        return Failed(reason, ConnectionLost(f"No connection: {reason}."))
    if isinstance(error, OSError):
        return Failed(_words_of(error))
    # Only the kind of any other error: its text may quote what was sent.
    return Failed(type(error).__name__)


def _words_of(error: OSError) -> str:
    if error.errno and (type(error) is OSError or isinstance(error, ConnectionError)):
        # asyncio puts the address in the place of the system's words.
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__


def _final_status(status: int, credential: str) -> ThreadRunnerError | None:
    if status in (401, 403):
        return AuthenticationError(f"The server does not accept the {credential} (HTTP {status}).")
    if 300 <= status < 500 and status not in _PASSING_STATUSES:
        return ConnectionLost(f"The server refused the connection with HTTP status {status}.")
    return None


def closing_of(error: ConnectionClosed) -> Closed:
    """Return why a connection is over."""
    close = error.rcvd or error.sent
    return Closed("it was cut" if close is None else f"it was closed with code {close.code}")
