"""Images in a request: told by what they hold, whatever they are called."""

import base64

import pytest

from core.images import data_url


@pytest.mark.parametrize(
    ("begin", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x10\x00\x00\x00WEBP", "image/webp"),
    ],
)
def test_an_image_is_a_url_of_its_type_and_content(begin: bytes, media_type: str) -> None:
    content = begin + bytes(range(256))
    url = data_url(content)
    assert url is not None
    head, _, encoded = url.partition(",")
    assert head == f"data:{media_type};base64"
    assert base64.b64decode(encoded, validate=True) == content


@pytest.mark.parametrize(
    "content", [b"", b"plain text", b"%PDF-1.7", b"RIFF\x10\x00\x00\x00WAVE", b"<svg/>", b"\x89PN"]
)
def test_what_models_do_not_read_is_no_image(content: bytes) -> None:
    assert data_url(content) is None
