"""Files: what messages and tools refer to."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from core.schema.common import RequestModel, WireModel

Purpose = Literal["assistants", "user_data", "vision"]

_MOST_DIGITS = 18


def _integer(value: object) -> object:
    """Return the number that a form's field spells; whatever else it is, pydantic refuses."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:_MOST_DIGITS])
    return value


class FileExpiry(RequestModel):
    """When a file expires: from an hour to 30 days after it was created."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=3600, le=2_592_000), BeforeValidator(_integer)]


class CreateFile(RequestModel):
    """The fields of `POST /v1/files` beside the file itself."""

    purpose: Purpose
    expires_after: FileExpiry | None = None


class File(WireModel):
    """A file as clients see it."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    expires_at: int | None = Field(default=None, exclude_if=lambda value: value is None)
    filename: str
    purpose: Purpose
    status: Literal["processed"] = "processed"


class FileRecord(WireModel):
    """A file as it is stored; its content is in the bucket.

    Attributes:
        bytes: the content's length.
        content_type: as the upload declared it.
        image_type: the media type of the image that the content begins like; None if it is none.
        created_at, expires_at: unix seconds.
    """

    id: str
    filename: str
    bytes: int
    content_type: str
    image_type: str | None
    purpose: Purpose
    created_at: int
    expires_at: int | None = None

    def to_wire(self) -> File:
        """Return the file as clients see it."""
        return File(
            id=self.id,
            bytes=self.bytes,
            created_at=self.created_at,
            expires_at=self.expires_at,
            filename=self.filename,
            purpose=self.purpose,
        )
