"""Images are known by their first bytes, whatever they are called."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.images import HEAD_BYTES, data_url, image_type

HEADS = {
    "image/png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\r",
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01",
    "image/gif": b"GIF89a\x01\x00\x01\x00\x80\x00",
    "image/webp": b"RIFF\x24\x00\x00\x00WEBP",
}


@pytest.mark.parametrize("media_type", HEADS)
def test_an_image_is_known_by_its_head(media_type: str) -> None:
    assert image_type(HEADS[media_type]) == media_type
    assert len(HEADS[media_type]) == HEAD_BYTES


def test_the_older_gif_is_known_too() -> None:
    assert image_type(b"GIF87a\x01\x00\x01\x00\x80\x00") == "image/gif"


@pytest.mark.parametrize("media_type", HEADS)
def test_half_a_signature_is_no_image(media_type: str) -> None:
    assert image_type(HEADS[media_type][:2]) is None


@pytest.mark.parametrize(
    "head", [b"", b"RIFF\x24\x00\x00\x00WAVE", b"%PDF-1.7\n%\xe2\xe3", b"GIF90a"]
)
def test_another_file_is_no_image(head: bytes) -> None:
    assert image_type(head) is None


@given(st.text(max_size=HEAD_BYTES).map(lambda text: text.encode()[:HEAD_BYTES]))
def test_a_text_is_no_image(head: bytes) -> None:
    # Texts that begin with a signature's own letters aside.
    assert image_type(head) is None or head[:3] in (b"GIF", b"RIF")


@pytest.mark.parametrize("media_type", HEADS)
def test_an_image_is_a_url_of_its_type_and_content(media_type: str) -> None:
    content = HEADS[media_type] + bytes(range(256))
    url = data_url(content)
    assert url is not None
    head, _, encoded = url.partition(",")
    assert head == f"data:{media_type};base64"
    assert base64.b64decode(encoded, validate=True) == content


@pytest.mark.parametrize("content", [b"", b"plain text", b"<svg/>"])
def test_what_models_do_not_read_has_no_url(content: bytes) -> None:
    assert data_url(content) is None
