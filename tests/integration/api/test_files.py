"""Files: kept as they were sent, listed, served again, and gone when they are deleted or expire."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ReadTimeoutError
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types import FileObject

from tests.integration.api.support import EXPIRY, PNG, created, make_file, refused, upload
from tests.support.world import TENANT, World
from wiring.bootstrap import ApiContext


def objects() -> list[str]:
    """The keys of the bucket."""
    listed = boto3.client("s3").list_objects_v2(Bucket="bucket")
    return [found["Key"] for found in listed.get("Contents", [])]


def ids_of(client: TestClient, **query: Any) -> list[str]:
    """The ids of a page of files."""
    return [file["id"] for file in created(client.get("/v1/files", params=query))["data"]]


def counted(asked: list[int]) -> Callable[..., Any]:
    """Return botocore's way to AWS, which also notes the limits of queries."""
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: Any, operation: str, arguments: Any) -> Any:
        if operation == "Query":
            asked.append(arguments["Limit"])
        return real(self, operation, arguments)

    return call


def test_a_file_comes_back_as_it_was_sent(client: TestClient, world: World) -> None:
    content = bytes(range(256)) * 16_000
    file = created(upload(client, content, "photo.bin", "application/x-thing"))
    FileObject.model_validate(file)
    assert file == {
        "id": file["id"],
        "object": "file",
        "bytes": len(content),
        "created_at": world.clock() // 1000,
        "filename": "photo.bin",
        "purpose": "assistants",
        "status": "processed",
    }
    assert file["id"].startswith("file-")
    assert file["id"][5:].isalnum()
    assert created(client.get(f"/v1/files/{file['id']}")) == file
    answer = client.get(f"/v1/files/{file['id']}/content")
    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["content-type"] == "application/x-thing"
    assert answer.headers["content-disposition"] == 'attachment; filename="photo.bin"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert objects() == [f"files/{TENANT}/{file['id']}"]


def test_an_empty_file_is_a_file(client: TestClient) -> None:
    file = created(upload(client, b""))
    assert file["bytes"] == 0
    assert client.get(f"/v1/files/{file['id']}/content").content == b""


@pytest.mark.parametrize(
    ("filename", "disposition"),
    [
        ("Übersicht 1.txt", "attachment; filename*=utf-8''%C3%9Cbersicht%201.txt"),
        ("a;b='c'.txt", "attachment; filename*=utf-8''a%3Bb%3D%27c%27.txt"),
        ("Shot 1\u202fPM.png", "attachment; filename*=utf-8''Shot%201%E2%80%AFPM.png"),
    ],
)
def test_a_file_keeps_its_name_and_is_saved_under_it(
    client: TestClient, filename: str, disposition: str
) -> None:
    file = created(upload(client, filename=filename))
    assert file["filename"] == filename
    answer = client.get(f"/v1/files/{file['id']}/content")
    assert answer.headers["content-disposition"] == disposition


@pytest.mark.parametrize(
    ("declared", "served"),
    [
        ("text/plain", "text/plain"),
        ("text/plain; charset=iso-8859-1", "text/plain; charset=iso-8859-1"),
        ("application/vnd.x+json", "application/vnd.x+json"),
        ("", "application/octet-stream"),
        ("text", "application/octet-stream"),
        ('text/plain; x="y z"', "application/octet-stream"),
        ("text/" + "x" * 300, "application/octet-stream"),
    ],
)
def test_a_content_is_served_as_what_it_was_declared_if_that_is_a_media_type(
    client: TestClient, declared: str, served: str
) -> None:
    file = make_file(client, content_type=declared)
    assert client.get(f"/v1/files/{file}/content").headers["content-type"] == served


def test_a_deleted_file_is_gone(client: TestClient) -> None:
    file, other = make_file(client), make_file(client)
    answer = created(client.delete(f"/v1/files/{file}"))
    assert answer == {"id": file, "object": "file", "deleted": True}
    for path in (f"/v1/files/{file}", f"/v1/files/{file}/content"):
        error = refused(client.get(path), 404)
        assert error["message"] == f"No such File object: {file}"
        assert error["param"] == "id"
    refused(client.delete(f"/v1/files/{file}"), 404)
    assert ids_of(client) == [other]
    assert objects() == [f"files/{TENANT}/{other}"]


@pytest.mark.parametrize("file_id", ["file-none", "file#1", "x" * 300, "file-1%00"])
def test_a_file_that_is_not_there_is_told_in_openais_words(
    client: TestClient, file_id: str
) -> None:
    error = refused(client.get("/v1/files/" + file_id.replace("#", "%23")), 404)
    assert error["message"].startswith("No such File object: ")
    assert len(error["message"]) < 200


def test_another_project_sees_nothing(client: TestClient, stranger: TestClient) -> None:
    file = make_file(client)
    assert ids_of(stranger) == []
    refused(stranger.get(f"/v1/files/{file}"), 404)
    refused(stranger.get(f"/v1/files/{file}/content"), 404)
    refused(stranger.delete(f"/v1/files/{file}"), 404)
    thread = created(stranger.post("/v1/threads"))["id"]
    body = {"role": "user", "content": "x", "attachments": [{"file_id": file}]}
    refused(stranger.post(f"/v1/threads/{thread}/messages", json=body))
    assert client.get(f"/v1/files/{file}/content").content == b"Hello."


def test_a_file_that_expires_says_when_and_is_gone_then(client: TestClient, world: World) -> None:
    now = world.clock() // 1000
    lasting, file = make_file(client), created(upload(client, **EXPIRY))
    assert file["expires_at"] == now + 3600
    world.clock.advance(3599)
    assert created(client.get(f"/v1/files/{file['id']}")) == file
    assert ids_of(client) == [file["id"], lasting]
    world.clock.advance(1)
    refused(client.get(f"/v1/files/{file['id']}"), 404)
    refused(client.get(f"/v1/files/{file['id']}/content"), 404)
    refused(client.delete(f"/v1/files/{file['id']}"), 404)
    assert ids_of(client) == ids_of(client, purpose="assistants") == [lasting]


def test_what_is_left_of_an_expired_file_can_be_deleted(
    client: TestClient, context: ApiContext, world: World
) -> None:
    file = make_file(client, **EXPIRY)
    world.clock.advance(7200)
    assert context.files.get_many(TENANT, [file]) == {}
    assert context.files.delete(TENANT, file) is True
    assert objects() == []
    assert context.files.delete(TENANT, file) is False


def test_a_deletion_that_broke_off_can_be_repeated(
    client: TestClient, context: ApiContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_file(client)

    def die(*_args: object) -> bool:
        raise ConnectionError

    with monkeypatch.context() as patched, pytest.raises(ConnectionError):
        patched.setattr("adapters.dynamodb.documents.Documents.delete", die)
        context.files.delete(TENANT, file)
    refused(client.get(f"/v1/files/{file}/content"), 404)
    created(client.delete(f"/v1/files/{file}"))
    assert ids_of(client) == []


def test_a_list_of_one_purpose_has_no_other(client: TestClient) -> None:
    seen = [make_file(client, purpose="vision"), make_file(client), make_file(client)]
    assert ids_of(client, purpose="vision") == seen[:1]
    assert ids_of(client, purpose="assistants") == seen[:0:-1]
    assert ids_of(client, purpose="batch") == []
    assert ids_of(client) == seen[::-1]


def test_a_list_of_files_has_no_before_and_up_to_10000(client: TestClient) -> None:
    assert refused(client.get("/v1/files?limit=10001"))["param"] == "limit"
    assert refused(client.get("/v1/files?limit=0"))["param"] == "limit"
    created(client.get("/v1/files?limit=10000"))
    error = refused(client.get("/v1/files?after=thread_1"), 404)
    assert (error["message"], error["param"]) == ("No such File object: thread_1", "after")


class ManyFiles:
    """Files of two purposes, every third of which has expired."""

    def __init__(self, client: TestClient, world: World) -> None:
        self._client = client
        self.made: list[tuple[str, str]] = []
        for number in range(12):
            purpose = "vision" if number % 4 else "user_data"
            expired = number % 3 == 0
            file = make_file(client, purpose=purpose, **(EXPIRY if expired else {}))
            if not expired:
                self.made.append((file, purpose))
        world.clock.advance(3600)

    def walk(self, **query: Any) -> list[str]:
        """Return the ids of all pages."""
        seen: list[str] = []
        while True:
            page = created(self._client.get("/v1/files", params=query))
            assert len(page["data"]) <= query["limit"]
            seen += [file["id"] for file in page["data"]]
            if not page["has_more"]:
                return seen
            query["after"] = page["last_id"]


@pytest.fixture
def many_files(client: TestClient, world: World) -> ManyFiles:
    """A list in which a filter leaves gaps."""
    return ManyFiles(client, world)


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    order=st.sampled_from(["asc", "desc"]),
    limit=st.integers(1, 14),
    purpose=st.sampled_from([None, "vision", "user_data", "assistants"]),
)
def test_walking_the_list_gives_each_file_of_the_purpose_once(
    many_files: ManyFiles, order: str, limit: int, purpose: str | None
) -> None:
    named = {} if purpose is None else {"purpose": purpose}
    wanted = [file for file, of in many_files.made if purpose in (None, of)]
    seen = many_files.walk(order=order, limit=limit, **named)
    assert seen == (wanted if order == "asc" else wanted[::-1])


def test_a_filter_that_leaves_little_costs_no_request_a_file(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [make_file(client, purpose="user_data") for _ in range(3)]
    for _ in range(12):
        make_file(client)
    asked: list[int] = []
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", counted(asked))
    assert ids_of(client, purpose="user_data", limit=5) == files[::-1]
    assert len(asked) == 2


def test_a_retry_gets_the_first_answer_and_makes_no_second_file(client: TestClient) -> None:
    answers = [
        client.post(
            "/v1/files",
            content=form(boundary),
            headers={
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "x-stainless-retry-count": retries,
            },
        )
        for boundary, retries in (("one", "0"), ("two", "1"), ("three", "2"))
    ]
    first = created(answers[0])
    assert [created(answer) for answer in answers] == [first] * 3
    assert [answer.headers.get("idempotent-replayed") for answer in answers] == [
        None,
        "true",
        "true",
    ]
    assert ids_of(client) == [first["id"]]
    assert objects() == [f"files/{TENANT}/{first['id']}"]


@pytest.mark.parametrize(
    "other",
    [
        {"content": b"Hello!"},
        {"filename": "b.txt"},
        {"purpose": "user_data"},
        {"content_type": "text/html"},
        EXPIRY,
    ],
    ids=str,
)
def test_another_upload_is_no_retry(client: TestClient, other: dict[str, Any]) -> None:
    first = make_file(client)
    client.headers["x-stainless-retry-count"] = "1"
    assert make_file(client, **other) != first
    assert make_file(client) == first


def test_the_same_upload_anew_is_another_file(client: TestClient) -> None:
    assert make_file(client) != make_file(client)


def test_a_key_that_was_used_for_another_upload_is_refused(client: TestClient) -> None:
    client.headers["Idempotency-Key"] = "mine"
    file = make_file(client)
    assert make_file(client) == file
    error = refused(upload(client, b"another"))
    assert error["code"] == "idempotency_key_reused"
    assert objects() == [f"files/{TENANT}/{file}"]


def form(boundary: str) -> bytes:
    """Return an upload as it is sent with this boundary."""
    head = 'form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain'
    parts = {'form-data; name="purpose"': "assistants", head: "Hello."}
    lines = [
        f"--{boundary}\r\nContent-Disposition: {head}\r\n\r\n{value}\r\n"
        for head, value in parts.items()
    ]
    return "".join([*lines, f"--{boundary}--\r\n"]).encode()


def test_an_attempt_that_was_overtaken_leaves_no_content(
    client: TestClient, context: ApiContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = context.files._bucket.put

    def put_while_another_attempt_is_done(*args: Any) -> None:
        put(*args)
        monkeypatch.setattr(context.files._bucket, "put", put)
        first.append(make_file(client))

    first: list[str] = []
    monkeypatch.setattr(context.files._bucket, "put", put_while_another_attempt_is_done)
    client.headers["Idempotency-Key"] = "mine"
    assert make_file(client) == first[0]
    assert objects() == [f"files/{TENANT}/{first[0]}"]


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://test"),
        ClientError({"Error": {"Code": "InternalServerError"}}, "TransactWriteItems"),
    ],
    ids=["no answer", "a fault"],
)
def test_a_content_is_kept_while_nobody_knows_whether_its_record_is_written(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_args: object, **_more: object) -> None:
        raise error

    monkeypatch.setattr("adapters.dynamodb.documents.Documents.create", fail)
    refused(upload(client), 500)
    assert len(objects()) == 1


def test_what_an_image_is_decides_its_content(client: TestClient, context: ApiContext) -> None:
    named = make_file(client, b"no image", filename="a.png", content_type="image/png")
    unnamed = make_file(client, PNG, filename="upload", content_type="application/octet-stream")
    found = context.files.get_many(TENANT, [named, unnamed])
    assert found[named].image_type is None
    assert found[unnamed].image_type == "image/png"


def test_a_content_is_read_up_to_a_limit(client: TestClient, context: ApiContext) -> None:
    file = make_file(client, b"0123456789")
    assert context.files.read(TENANT, file, 4) == b"0123"
    assert context.files.read(TENANT, file, 100) == b"0123456789"


def test_no_content_and_no_name_reaches_the_log(
    client: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_file(client, b"SECRET", filename="SECRET.txt")

    def fail(*_args: object, **_more: object) -> None:
        raise RuntimeError("SECRET")

    monkeypatch.setattr("adapters.file_bucket.FileBucket.put", fail)
    refused(upload(client, b"SECRET", "SECRET.txt"), 500)
    assert any(record.message == "request failed" for record in caplog.records)
    assert "SECRET" not in str([vars(record) for record in caplog.records])
