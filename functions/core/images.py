"""Images as a model takes them within a request."""

import base64
from typing import Final

# The formats that OpenAI's models read: https://platform.openai.com/docs/guides/images-vision
_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def data_url(content: bytes) -> str | None:
    """Return an image as a `data:` URL; None if it is in no format that models read.

    The content says what it is: names and declared types may be wrong.
    """
    media_type = _media_type(content)
    if media_type is None:
        return None
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _media_type(content: bytes) -> str | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for begin, kind in _SIGNATURES if content.startswith(begin)), None)
