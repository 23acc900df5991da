"""What a form may be, and how a wrong one is told."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from api.forms import MAX_FORM_BYTES
from tests.integration.api.support import EXPIRY, created, refused, upload

FILE = ("file", ("a.txt", b"Hello.", "text/plain"))
PURPOSE = {"purpose": "assistants"}


def send(client: TestClient, data: Any = PURPOSE, files: Any = (FILE,)) -> Any:
    """Return the error that a form is answered with."""
    return refused(client.post("/v1/files", data=data, files=list(files)))


def test_each_purpose_of_the_assistants_is_taken(client: TestClient) -> None:
    for purpose in ("assistants", "vision", "user_data"):
        assert created(upload(client, purpose=purpose))["purpose"] == purpose


def send_parts(client: TestClient, *parts: str) -> Response:
    """Send a form of parts like `name` or `name; file name`, which all have the same content."""
    form = "".join(
        "--b\r\nContent-Disposition: form-data; name="
        + "; filename=".join(f'"{word}"' for word in part.split("; "))
        + "\r\n\r\nassistants\r\n"
        for part in parts
    )
    return send_form(client, f"{form}--b--\r\n".encode())


def send_form(
    client: TestClient, form: Any, content_type: str = "multipart/form-data; boundary=b"
) -> Response:
    """Send a form as it stands."""
    return client.post("/v1/files", content=form, headers={"Content-Type": content_type})


@pytest.mark.parametrize("purpose", ["batch", "fine-tune", "evals"])
def test_a_purpose_that_is_not_served_is_named_with_those_that_are(
    client: TestClient, purpose: str
) -> None:
    error = send(client, {"purpose": purpose})
    assert error["message"] == (
        f"Unsupported value: '{purpose}' is not served here yet. "
        "Supported values are: 'assistants', 'user_data', and 'vision'."
    )
    assert (error["param"], error["code"]) == ("purpose", "unsupported_value")


def test_an_unknown_purpose_is_not_repeated(client: TestClient) -> None:
    error = send(client, {"purpose": "SECRET"})
    assert error["message"] == (
        "Invalid value for 'purpose'. "
        "Supported values are: 'assistants', 'user_data', and 'vision'."
    )
    assert (error["param"], error["code"]) == ("purpose", "invalid_value")


@pytest.mark.parametrize(
    ("parts", "param", "code", "words"),
    [
        (["purpose"], "file", "missing_required_parameter", "parameter: 'file'"),
        (["file; a.txt"], "purpose", "missing_required_parameter", "parameter: 'purpose'"),
        (
            ["purpose", "file; a", "file; b"],
            "file",
            "invalid_value",
            "expected one file, but got 2",
        ),
        (["purpose", "file", "file; a"], "file", "invalid_value", "expected one file, but got 2"),
        (["purpose", "file"], "file", "invalid_value", "must be sent as a file"),
        (["purpose; a", "file; a"], "purpose", "invalid_value", "a field of the form"),
        (["purpose", "file; a", "other; a"], "other", "unknown_parameter", "'other'"),
        (["purpose", "file; a", "new"], "new", "unknown_parameter", "'new'"),
        (["purpose", "purpose", "file; a"], "purpose", "invalid_value", "more than once"),
        (["purpose", "file; "], "file", "invalid_value", "needs a name"),
        (["purpose", "file; " + "x" * 256], "file", "invalid_value", "up to 255"),
        (["purpose", "file; a\x7f"], "file", "invalid_value", "control characters"),
    ],
)
def test_a_wrong_form_is_told_with_the_field(
    client: TestClient, parts: list[str], param: str, code: str, words: str
) -> None:
    error = refused(send_parts(client, *parts))
    assert (error["param"], error["code"]) == (param, code)
    assert words in error["message"]
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket="bucket")


def test_the_longest_name_is_taken(client: TestClient) -> None:
    assert len(created(send_parts(client, "purpose", "file; " + "x" * 255))["filename"]) == 255


@pytest.mark.parametrize(
    ("expiry", "param", "code"),
    [
        ({"expires_after[seconds]": "3599"}, "seconds", "integer_below_min_value"),
        ({"expires_after[seconds]": "2592001"}, "seconds", "integer_above_max_value"),
        ({"expires_after[seconds]": "9" * 5000}, "seconds", "integer_above_max_value"),
        ({"expires_after[seconds]": "an hour"}, "seconds", "invalid_type"),
        ({"expires_after[seconds]": "3600.5"}, "seconds", "invalid_type"),
        ({"expires_after[anchor]": "last_active_at"}, "anchor", "invalid_value"),
        ({"expires_after[days]": "1"}, "days", "unknown_parameter"),
    ],
)
def test_a_wrong_expiry_is_told_with_the_field(
    client: TestClient, expiry: dict[str, str], param: str, code: str
) -> None:
    error = send(client, PURPOSE | EXPIRY | expiry)
    assert (error["param"], error["code"]) == (f"expires_after.{param}", code)


@pytest.mark.parametrize("missing", ["anchor", "seconds"])
def test_an_expiry_is_given_whole(client: TestClient, missing: str) -> None:
    expiry = {name: value for name, value in EXPIRY.items() if missing not in name}
    error = send(client, PURPOSE | expiry)
    assert (error["param"], error["code"]) == (
        f"expires_after.{missing}",
        "missing_required_parameter",
    )


def test_an_expiry_that_is_no_object_is_refused(client: TestClient) -> None:
    error = send(client, PURPOSE | {"expires_after": "1 day"})
    assert (error["param"], error["code"]) == ("expires_after", "invalid_type")


@pytest.mark.parametrize("seconds", [3600, 2_592_000])
def test_an_expiry_lies_between_an_hour_and_30_days(client: TestClient, seconds: int) -> None:
    file = created(upload(client, **EXPIRY | {"expires_after[seconds]": str(seconds)}))
    assert file["expires_at"] - file["created_at"] == seconds


@pytest.mark.parametrize(
    "sent",
    [
        {"json": {"purpose": "assistants"}},
        {"data": {"purpose": "assistants"}},
        {"content": b"x"},
        {},
    ],
    ids=["json", "urlencoded", "bytes", "nothing"],
)
def test_a_body_that_is_no_multipart_form_is_refused(client: TestClient, sent: Any) -> None:
    error = refused(client.post("/v1/files", **sent))
    assert "'Content-Type: multipart/form-data'" in error["message"]


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=b"])
def test_a_form_that_cannot_be_read_is_refused(client: TestClient, content_type: str) -> None:
    error = refused(send_form(client, b"SECRET", content_type))
    assert error["message"].startswith("We could not parse the multipart form of your request")
    assert "SECRET" not in error["message"]


@pytest.mark.parametrize(
    "part",
    [
        b'name="purpose"\r\n\r\n+2D0-',
        b'name="+2D0-"\r\n\r\nassistants',
        b'name="file"; filename="+2D0-.txt"\r\n\r\nHello.',
    ],
)
def test_a_form_with_half_a_character_is_refused(client: TestClient, part: bytes) -> None:
    form = b"--b\r\nContent-Disposition: form-data; " + part + b"\r\n--b--\r\n"
    error = refused(send_form(client, form, "multipart/form-data; boundary=b; charset=utf-7"))
    assert error["message"].endswith("A field is not Unicode text.")


def test_a_form_that_ends_early_is_refused(client: TestClient) -> None:
    form = (
        b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf a fi'
    )
    error = refused(send_form(client, form))
    assert error["message"].endswith("multipart form of your request: It ends early.")
    assert "half a fi" not in error["message"]


def test_a_content_type_may_be_written_in_any_case(client: TestClient) -> None:
    form = (
        b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b--\r\n'
    )
    answer = send_form(client, form, "Multipart/Form-Data; boundary=b")
    assert created(answer)["bytes"] == 1


def test_a_file_over_the_limit_is_a_413_that_says_it(client: TestClient) -> None:
    answer = upload(client, b"x" * MAX_FORM_BYTES)
    assert "4,500,000 bytes" in refused(answer, 413)["message"]


def test_a_file_over_the_limit_that_does_not_say_its_size_is_a_413_too(client: TestClient) -> None:
    def form() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(5):
            yield b"x" * 1_000_000

    refused(send_form(client, form()), 413)


def test_the_key_is_looked_at_before_the_form(anonymous: TestClient) -> None:
    refused(upload(anonymous, b"x" * MAX_FORM_BYTES), 401)


def test_the_document_describes_the_form(anonymous: TestClient) -> None:
    document = created(anonymous.get("/v1/openapi.json"))
    body = document["paths"]["/v1/files"]["post"]["requestBody"]
    assert body["required"] is True
    form = body["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["file", "purpose"]
    assert form["properties"]["purpose"]["enum"] == ["assistants", "user_data", "vision"]
    seconds = form["properties"]["expires_after"]["properties"]["seconds"]
    assert (seconds["minimum"], seconds["maximum"]) == (3600, 2_592_000)
    assert "$ref" not in str(form)
