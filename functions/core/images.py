"""Images, told by how they begin: what an upload declares is often no more than a guess."""

import base64
from typing import Final

# Bytes of a file that `image_type` looks at.
HEAD_BYTES: Final = 12

# The formats that OpenAI's models read: https://platform.openai.com/docs/guides/images-vision
_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def image_type(head: bytes) -> str | None:
    """Return the media type of an image that models take; None if it is none.

    Args:
        head: the file's first `HEAD_BYTES`.
    """
    for signature, media_type in _SIGNATURES:
        if head.startswith(signature):
            return media_type
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def data_url(content: bytes) -> str | None:
    """Return an image as a `data:` URL; None if it is in no format that models read."""
    media_type = image_type(content[:HEAD_BYTES])
    if media_type is None:
        return None
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
