"""The form of an upload: its file, and what is said of it."""

import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import IO, Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile

from api.forms import invalid_field, nested, read_form
from api.validation import (
    invalid_request,
    missing_parameter,
    shown_name,
    unknown_parameter,
)
from core.idempotency import digest
from core.images import HEAD_BYTES, image_type
from core.schema.files import CreateFile, FileExpiry

# As long as most file systems allow.
MAX_FILENAME: Final = 255
UNKNOWN_TYPE: Final = "application/octet-stream"
_PIECE: Final = 256 * 1024
_TOKEN: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
# RFC 9110, section 8.3.1, without quoted parameters: it goes into a header again.
_MEDIA_TYPE: Final = re.compile(rf"{_TOKEN}/{_TOKEN}(?:; ?{_TOKEN}={_TOKEN})*")
_LONGEST_TYPE: Final = 255
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a client sent.

    Attributes:
        content: the file, at its start.
        size: in bytes.
        sha256: the content's digest.
        filename: as the client named it.
        content_type: as the client declared it, if that can be a media type.
        image_type: the media type of the image that it begins like; None if it is none.
        request: the form's other fields.
    """

    content: IO[bytes]
    size: int
    sha256: str
    filename: str
    content_type: str
    image_type: str | None
    request: CreateFile

    @property
    def fingerprint(self) -> str:
        """A digest of all that was sent: the same for each attempt at the same upload."""
        fields = self.request.model_dump_json()
        return digest("upload", fields, self.filename, self.content_type, self.sha256)


async def _read_upload(request: Request) -> AsyncIterator[Upload]:
    form = await read_form(request)
    try:
        yield await run_in_threadpool(_upload, form)
    finally:
        await form.close()


# For the endpoint that takes one; the file is closed when it is done.
Uploaded = Annotated[Upload, Depends(_read_upload)]


def upload_body() -> dict[str, Any]:
    """Return the description of the form for the API's document."""
    fields = CreateFile.model_json_schema()["properties"]
    schema = {
        "type": "object",
        "required": ["file", "purpose"],
        "additionalProperties": False,
        "properties": {
            "file": {"type": "string", "format": "binary", "description": "The file."},
            "purpose": fields["purpose"] | {"description": "What the file is for."},
            "expires_after": FileExpiry.model_json_schema(),
        },
    }
    encoding = {"expires_after": {"style": "deepObject", "explode": True}}
    content = {"multipart/form-data": {"schema": schema, "encoding": encoding}}
    return {"requestBody": {"required": True, "content": content}}


def _upload(form: FormData) -> Upload:
    file = _only_file(form)
    request = _fields(form)
    sha256, head = _look_at(file.file)
    return Upload(
        content=file.file,
        size=file.size or 0,
        sha256=sha256,
        filename=_filename(file.filename or ""),
        content_type=_content_type(file.content_type or ""),
        image_type=image_type(head),
        request=request,
    )


def _only_file(form: FormData) -> UploadFile:
    for name, value in form.multi_items():
        if isinstance(value, UploadFile) and name != "file":
            if name in CreateFile.model_fields:
                raise invalid_field(name, "it must be a field of the form, but was sent as a file.")
            raise unknown_parameter(shown_name(name))
    given = form.getlist("file")
    if not given:
        raise missing_parameter("file")
    if len(given) > 1:
        raise invalid_field("file", f"expected one file, but got {len(given)} instead.")
    (file,) = given
    if not isinstance(file, UploadFile):
        raise invalid_field(
            "file", "it must be sent as a file: its part of the form needs a file name."
        )
    return file


def _fields(form: FormData) -> CreateFile:
    fields = nested((name, value) for name, value in form.multi_items() if isinstance(value, str))
    try:
        return CreateFile.model_validate(fields)
    except ValidationError as error:
        found = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
        raise invalid_request(found, fields) from None


def _filename(name: str) -> str:
    if not name:
        raise invalid_field("file", "the file needs a name.")
    if len(name) > MAX_FILENAME:
        raise invalid_field("file", f"the file's name may have up to {MAX_FILENAME} characters.")
    if _CONTROLS.search(name):
        raise invalid_field("file", "the file's name has line breaks or other control characters.")
    return name


def _content_type(declared: str) -> str:
    usable = len(declared) <= _LONGEST_TYPE and _MEDIA_TYPE.fullmatch(declared)
    return declared if usable else UNKNOWN_TYPE


def _look_at(content: IO[bytes]) -> tuple[str, bytes]:
    """Return a file's digest and its first bytes; it is at its start before and after."""
    head = content.read(HEAD_BYTES)
    whole = hashlib.sha256(head)
    while piece := content.read(_PIECE):
        whole.update(piece)
    content.seek(0)
    return whole.hexdigest(), head
