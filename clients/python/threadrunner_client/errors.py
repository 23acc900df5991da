"""What a user of the client may meet.

ThreadRunnerError
├── ConnectionLost        no connection for too long, or the server refused one for good
├── AuthenticationError   the server does not accept the key or the ticket
├── SubscriptionError     the server refused a subscription; `code` and `message` say why
├── RunCreationError      the server did not create a run; `code`, `param` and `message` say why
├── EventsExpired         events that were asked for are no longer in the log
├── EventUnavailable      an event too large for a frame could not be fetched
├── StreamTimeout         no event came within the time that the caller set
└── ProtocolError         the server sent something that is not the protocol
    └── FrameError        … in an event frame

No message of these ever holds the API key, a ticket, a URL's query or the content of an event.
"""


class ThreadRunnerError(Exception):
    """Anything that this package raises on its own account."""


class ConnectionLost(ThreadRunnerError):
    """There was no usable connection for too long, or the server refused one for good."""


class AuthenticationError(ThreadRunnerError):
    """The server does not accept the API key or the ticket (HTTP 401 or 403)."""


class SubscriptionError(ThreadRunnerError):
    """The server refused a subscription.

    Attributes:
        code: the server's word for the reason; None if it gave none.
        message: its explanation.
    """

    def __init__(self, code: str | None, message: str) -> None:
        super().__init__(f"The subscription was refused ({code or 'no code'}): {message}")
        self.code = code
        self.message = message


class RunCreationError(ThreadRunnerError):
    """The server did not create a run.

    Attributes:
        code: the server's word for the reason; None if it gave none.
        param: the part of the request that it is about; None if it named none.
        message: its explanation.
    """

    def __init__(self, code: str | None, param: str | None, message: str) -> None:
        super().__init__(f"The run was not created ({code or 'no code'}): {message}")
        self.code = code
        self.param = param
        self.message = message


class EventsExpired(ThreadRunnerError):
    """Events are missing that the server no longer has: its log is kept for a limited time.

    Attributes:
        after: the id of the last event that was received; None if there was none.
    """

    def __init__(self, run_id: str, after: str | None) -> None:
        place = "from the start" if after is None else f"after {after!r}"
        super().__init__(
            f"The events of {run_id!r} {place} are no longer in the log; "
            "read the run, its steps and its messages over HTTP instead."
        )
        self.after = after


class EventUnavailable(ThreadRunnerError):
    """An event that was too large for a frame could not be fetched over HTTP."""


class StreamTimeout(ThreadRunnerError, TimeoutError):
    """No event came within the time that the caller set."""


class ProtocolError(ThreadRunnerError):
    """The server sent something that is not the protocol."""


class FrameError(ProtocolError, ValueError):
    """An event frame is malformed; the message says where, without its content."""
