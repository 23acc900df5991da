"""Errors that a caller may meet, in OpenAI's terms.

ApiError
├── InvalidRequest      400  the request cannot be carried out as it stands
├── AuthenticationFailed 401  no key, or one that is not known
├── PermissionDenied    403  a key that may not do this
├── NotFound            404  no such object in the caller's project
├── PayloadTooLarge     413  more than the gateway or the table can take
└── ServerFault         500  our fault
    └── BackendFailed   502  the model backend's

Only `api.statuses` knows the status codes; everything else raises by meaning.
"""

from typing import Any, Final

_LONGEST_SHOWN: Final = 100


class ApiError(Exception):
    """An answer in OpenAI's error shape.

    Args:
        message: one or two sentences for a person: what is wrong and what to do.
        param: the name of the field at fault, as the caller wrote it.
        code: OpenAI's machine-readable word, if it has one for this case.
    """

    type = "invalid_request_error"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code

    def body(self) -> dict[str, Any]:
        """Return the response's body: `{"error": {message, type, param, code}}`."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }


class InvalidRequest(ApiError):
    """The request cannot be carried out as it stands; nothing was changed."""


class AuthenticationFailed(ApiError):
    """There is no API key, or none that is known."""

    def __init__(self, message: str, *, code: str | None = "invalid_api_key") -> None:
        super().__init__(message, code=code)


class PermissionDenied(ApiError):
    """The key is known, but it may not do this."""


class NotFound(ApiError):
    """There is no such object in the caller's project."""


class PayloadTooLarge(ApiError):
    """The request is larger than it may be."""


class ServerFault(ApiError):
    """Something of ours failed; the same request may be sent again."""

    type = "server_error"


class BackendFailed(ServerFault):
    """The model backend did not do its part.

    Args:
        message: what happened and what to do, without the backend's own words.
        retryable: whether the same request may succeed soon.
    """

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


def not_found(kind: str, identifier: str, *, param: str | None = None) -> NotFound:
    """Return the 404 in the words that clients know: `No thread found with id 'thread_x'.`"""
    return NotFound(f"No {kind} found with id '{identifier}'.", param=param)


def file_not_found(identifier: str, *, param: str = "id") -> NotFound:
    """Return the 404 for a file, which OpenAI tells in other words."""
    return NotFound(no_file(identifier), param=param)


def no_file(identifier: str) -> str:
    """Return the sentence by which clients know that a file is missing; a long id is cut."""
    return f"No such File object: {identifier[:_LONGEST_SHOWN]}"
