"""Multipart forms: read within a limit, with errors that clients understand."""

import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any, Final

from fastapi import Request
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser

from api.validation import shown_name, unknown_parameter
from core.errors import InvalidRequest, PayloadTooLarge

# Lambda takes 6 MB (6,291,456 bytes), in which the body is base64, beside headers that come twice:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_FORM_BYTES: Final = 4_500_000
_MAX_PARTS: Final = 100
_MAX_FIELD_BYTES: Final = 64 * 1024
_FIELD: Final = re.compile(r"([^\[\]]+)(?:\[([^\[\]]+)\])?")


async def read_form(request: Request) -> FormData:
    """Return a request's form; a large file in it is spooled to disk. Whoever gets it closes it.

    Raises:
        InvalidRequest: the body is no multipart form.
        PayloadTooLarge: it is larger than `MAX_FORM_BYTES`.
    """
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data":
        raise InvalidRequest(
            "The body of the request must be a form, sent with 'Content-Type: multipart/form-data'."
        )
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and _is_too_large(declared):
        raise _too_large()
    try:
        return await _FormParser(request).parse()
    except MultiPartException as error:
        raise InvalidRequest(
            f"We could not parse the multipart form of your request: {error.message}"
        ) from None


def nested(fields: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return a form's fields as an object: the SDKs write `outer[inner]` for a field of a field.

    Raises:
        InvalidRequest: a name is not written so, or comes twice.
    """
    root: dict[str, Any] = {}
    for name, value in fields:
        match = _FIELD.fullmatch(name)
        if match is None:
            raise unknown_parameter(shown_name(name))
        outer, inner = match.groups()
        group, key = (root, outer) if inner is None else (root.setdefault(outer, {}), inner)
        if not isinstance(group, dict) or key in group:
            raise invalid_field(name, "it was given more than once.")
        group[key] = value
    return root


def invalid_field(name: str, problem: str) -> InvalidRequest:
    """Return the error for a field of a form; a long name is cut."""
    shown = shown_name(name)
    return InvalidRequest(f"Invalid '{shown}': {problem}", param=shown, code="invalid_value")


class _FormParser(MultiPartParser):
    """Parses a form that is not too large, and is whole.

    What is wrong is raised while the form is being read: then the parser closes its files.
    """

    def __init__(self, request: Request) -> None:
        super().__init__(
            request.headers,
            self._pieces(request),
            max_files=_MAX_PARTS,
            max_fields=_MAX_PARTS,
            max_part_size=_MAX_FIELD_BYTES,
        )
        self._ended = False

    def on_part_end(self) -> None:
        """Take a field that can be written: some of Python's charsets spell half characters.

        Raises:
            MultiPartException: there is half a character in its name or its text.
        """
        super().on_part_end()
        name, value = self.items[-1]
        text = value if isinstance(value, str) else value.filename or ""
        try:
            (name + text).encode()
        except UnicodeEncodeError:
            raise MultiPartException("A field is not Unicode text.") from None

    def on_end(self) -> None:
        """Note that the last boundary was there."""
        self._ended = True

    async def parse(self) -> FormData:
        """Return the form."""
        async with aclosing(self.stream):
            return await super().parse()

    async def _pieces(self, request: Request) -> AsyncGenerator[bytes, None]:
        read = 0
        async with aclosing(request.stream()) as stream:
            async for piece in stream:
                read += len(piece)
                if read > MAX_FORM_BYTES:
                    raise _too_large()
                yield piece
        if not self._ended:
            raise MultiPartException("It ends early.")


def _is_too_large(declared: str) -> bool:
    # A number of any length is compared, but not converted.
    digits = declared.lstrip("0")
    return len(digits) > len(str(MAX_FORM_BYTES)) or int(digits or "0") > MAX_FORM_BYTES


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge(
        "The request is too large: its body, the file and the other fields of the form, may have "
        f"up to {MAX_FORM_BYTES:,} bytes."
    )
