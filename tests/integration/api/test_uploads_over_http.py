"""Uploads through a real server, which reads a body as it comes: nothing before has counted it."""

from collections.abc import Iterator

import httpx
import pytest

from api.forms import MAX_FORM_BYTES
from tests.support.served import served
from wiring.bootstrap import ApiContext

FORM = {"Content-Type": "multipart/form-data; boundary=b"}
HEAD = (
    b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
)
TAIL = b"\r\n--b--\r\n"
PIECE = bytes(range(250)) * 4


@pytest.fixture
def http(context: ApiContext, project_key: str) -> Iterator[httpx.Client]:
    """A client of the application behind uvicorn."""
    with served(context, project_key, patience_seconds=60) as client:
        yield client


def pieces(size: int) -> Iterator[bytes]:
    """A form with a file of a size, piece by piece."""
    yield HEAD
    for _ in range(size // len(PIECE)):
        yield PIECE
    yield TAIL


@pytest.mark.parametrize("says_its_size", [True, False])
def test_a_large_file_goes_through_and_back(http: httpx.Client, says_its_size: bool) -> None:
    size = 4_000_000
    body = b"".join(pieces(size)) if says_its_size else pieces(size)
    answer = http.post("/files", content=body, headers=FORM)
    assert answer.status_code == 200, answer.text
    file = answer.json()
    assert file["bytes"] == size
    content = http.get(f"/files/{file['id']}/content").content
    assert content == PIECE * (size // len(PIECE))


@pytest.mark.parametrize("says_its_size", [True, False])
def test_a_file_over_the_limit_is_a_413_that_the_client_gets_to_see(
    http: httpx.Client, says_its_size: bool
) -> None:
    size = MAX_FORM_BYTES + 1_000_000
    body = b"".join(pieces(size)) if says_its_size else pieces(size)
    answer = http.post("/files", content=body, headers=FORM)
    assert answer.status_code == 413
    assert "4,500,000 bytes" in answer.json()["error"]["message"]
    assert http.get("/files").json()["data"] == []
