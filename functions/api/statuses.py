"""Which HTTP status an error has; over the WebSocket, its message says the same number."""

from typing import Final

from core.errors import (
    ApiError,
    AuthenticationFailed,
    BackendFailed,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    PermissionDenied,
    ServerFault,
)

_STATUS: Final[dict[type[ApiError], int]] = {
    InvalidRequest: 400,
    AuthenticationFailed: 401,
    PermissionDenied: 403,
    NotFound: 404,
    PayloadTooLarge: 413,
    ServerFault: 500,
    BackendFailed: 502,
}
OVERLOADED_STATUS: Final = 503


def status_of(error: ApiError) -> int:
    """Return an error's status."""
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def overloaded() -> ServerFault:
    """Return the error for tables that take nothing more at the moment, a 503."""
    return ServerFault("The server is overloaded, and nothing was changed: please try again.")
