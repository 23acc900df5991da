"""Why a request of a tool has no response.

EgressError
├── EgressRefused  a rule forbids it: it was not sent, or a redirect was not followed
├── EgressTimeout  the time was up
└── EgressFailed   the network, the service or its response was at fault

A model and a log may read the messages, so they name an origin at most: never a path, a query, a
header, a body, or an address that a name stands for.
"""


class EgressError(Exception):
    """The request has no response.

    Args:
        message: one sentence.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class EgressRefused(EgressError):
    """A rule forbids the request."""


class EgressTimeout(EgressError):
    """The time for the request was up."""


class EgressFailed(EgressError):
    """The network, the service, or its response was at fault."""
