"""Errors in OpenAI's shape, and how a failed validation becomes one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import ValidationError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Place = tuple[int | str, ...]
"""Where in a JSON document something is: keys and positions, from the root."""


class ApiError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: The HTTP status, 400 to 599.
        message: What went wrong, for a person. The server's own messages quote no contents.
        code: OpenAI's machine-readable code, if there is one for this error.
        param: The request's parameter at fault, such as `messages[0].role`.
        headers: Further response headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Take what the attributes say."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.headers = dict(headers or {})

    def body(self) -> dict[str, object]:
        """Return the response's JSON body: `{"error": {message, type, param, code}}`."""
        return {
            "error": {
                "message": self.message,
                "type": self._type(),
                "param": self.param,
                "code": self.code,
            }
        }

    def _type(self) -> str:
        if self.status == 429:
            return "insufficient_quota" if self.code == "insufficient_quota" else "requests"
        return "invalid_request_error" if self.status < 500 else "server_error"


def describe_failure(error: ValidationError, document: object) -> tuple[str, str]:
    """Pick the most telling of pydantic's errors.

    A failed union reports every branch. The error that lies deepest in the document belongs to the
    branch that the author meant.

    Args:
        error: What pydantic raised.
        document: The JSON value that was validated.

    Returns:
        The reason, which quotes nothing of the document, and the place, such as `turns[0].rate`
        (empty for the document itself).
    """
    found = [(_place(item, document), item["msg"]) for item in error.errors()]
    place, reason = max(found, key=lambda pair: len(pair[0]))
    return reason, format_place(place)


def format_place(place: Place) -> str:
    """Write a place as OpenAI does: `messages[0].role`."""
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return written.removeprefix(".")


def _place(error: "ErrorDetails", document: object) -> Place:
    """Find an error's place; its location also names branches of unions, which are left out."""
    place: list[int | str] = []
    here = document
    for part in error["loc"]:
        is_key = isinstance(here, dict) and part in here
        is_position = isinstance(here, list) and isinstance(part, int)
        if is_key or is_position:
            here = here[part]  # type: ignore[index]
            place.append(part)
    if error["type"] == "missing":  # the key that is not there is the place
        place.append(error["loc"][-1])
    return tuple(place)
