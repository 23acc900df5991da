"""What holds for every request: keys, ids, headers, and errors in OpenAI's shape."""

import json
import re

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from core.errors import InvalidRequest
from tests.integration.api.support import created, refused
from wiring.bootstrap import ApiContext

REQUEST_ID = re.compile(r"req_[0-9a-f]{32}")
PROJECT_PATHS = ["/v1/assistants", "/v1/threads/thread_1", "/v1/actions"]


@pytest.mark.parametrize("path", PROJECT_PATHS)
def test_a_request_without_a_key_is_refused(anonymous: TestClient, path: str) -> None:
    error = refused(anonymous.get(path), 401)
    assert error["message"].startswith("You didn't provide an API key.")
    assert error["code"] == "invalid_api_key"


def test_an_unknown_key_is_refused_and_not_repeated(anonymous: TestClient) -> None:
    key = "sk-tr-" + "s3cret" * 10 + "tail"
    answer = anonymous.get("/v1/assistants", headers={"Authorization": f"Bearer {key}"})
    assert refused(answer, 401)["message"] == "Incorrect API key provided: sk-…tail."
    assert "s3cret" not in answer.text


def test_the_scheme_may_be_written_in_lowercase(anonymous: TestClient, project_key: str) -> None:
    headers = {"authorization": f"bearer {project_key}"}
    assert created(anonymous.get("/v1/assistants", headers=headers))["data"] == []


@pytest.mark.parametrize("path", PROJECT_PATHS)
def test_an_admin_key_does_not_open_a_project(admin: TestClient, path: str) -> None:
    assert "admin key" in refused(admin.get(path), 403)["message"]


@pytest.mark.parametrize("path", ["projects", "projects/proj_1"])
def test_a_project_key_does_not_administer(client: TestClient, path: str) -> None:
    assert "admin key" in refused(client.get(f"/v1/organization/{path}"), 403)["message"]


def test_the_key_is_looked_at_before_the_body(anonymous: TestClient) -> None:
    refused(anonymous.post("/v1/assistants", content=b"{"), 401)
    refused(anonymous.post("/v1/assistants", json={"model": 5}), 401)


def test_the_beta_header_is_not_needed_and_does_no_harm(client: TestClient) -> None:
    headers = {"OpenAI-Beta": "assistants=v2"}
    assert created(client.get("/v1/assistants", headers=headers)) == created(
        client.get("/v1/assistants")
    )


def test_every_answer_has_a_request_id_of_its_own(client: TestClient) -> None:
    paths = ["/health", "/v1/assistants", "/v1/assistants/asst_none", "/nowhere"]
    ids = [client.get(path).headers["x-request-id"] for path in paths]
    assert all(REQUEST_ID.fullmatch(request_id) for request_id in ids)
    assert len(set(ids)) == len(ids)


def test_an_answer_has_openais_headers(client: TestClient) -> None:
    headers = client.get("/v1/assistants").headers
    assert headers["openai-version"] == "2020-10-01"
    assert int(headers["openai-processing-ms"]) >= 0


def test_a_page_of_any_origin_may_call_and_read_the_request_id(client: TestClient) -> None:
    answer = client.get("/v1/assistants", headers={"Origin": "https://app.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers


def test_a_preflight_needs_no_key_and_allows_the_header_that_carries_one(
    anonymous: TestClient,
) -> None:
    answer = anonymous.options(
        "/v1/threads/thread_1/messages",
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,openai-beta",
        },
    )
    assert answer.status_code == 200
    assert "authorization" in answer.headers["access-control-allow-headers"]
    assert REQUEST_ID.fullmatch(answer.headers["x-request-id"])


def test_an_error_can_be_read_by_a_page_too(anonymous: TestClient) -> None:
    answer = anonymous.get("/v1/assistants", headers={"Origin": "https://app.example"})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nowhere", "/v1/assistants/", "/v2/assistants"])
def test_an_unknown_path_is_told_in_openais_words(client: TestClient, path: str) -> None:
    assert refused(client.get(path), 404)["message"] == f"Invalid URL (GET {path})"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/uploads"),
        ("POST", "/v1/uploads/upload_1/parts"),
        ("GET", "/v1/vector_stores"),
        ("DELETE", "/v1/vector_stores/vs_1"),
        ("POST", "/openai/vector_stores/vs_1/file_batches"),
    ],
)
def test_what_is_not_served_yet_is_said_so_and_not_taken_for_a_mistyped_path(
    client: TestClient, anonymous: TestClient, method: str, path: str
) -> None:
    error = refused(client.request(method, path))
    assert error["code"] == "not_served"
    assert "not served here yet" in error["message"]
    assert f"({method} {path})" in error["message"]
    refused(anonymous.request(method, path), 401)


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/v1/assistants"), ("PUT", "/v1/threads"), ("PATCH", "/health")]
)
def test_a_wrong_method_is_told_in_openais_words(
    client: TestClient, method: str, path: str
) -> None:
    answer = client.request(method, path)
    assert refused(answer, 405)["message"].startswith(f"Not allowed to {method} on {path}.")
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"model": NaN}',
        b'{"model": "\\ud800"}',
        b'{"model": "m", "instructions": "\xed\xa0\xbd"}',
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_not_json_is_told_in_openais_words(client: TestClient, body: bytes) -> None:
    error = refused(client.post("/v1/assistants", content=body))
    assert error["message"].startswith("We could not parse the JSON body of your request.")


def test_a_body_without_a_content_type_is_taken_as_json(client: TestClient) -> None:
    assistant = created(client.post("/v1/assistants", content=b'{"model": "m"}'))
    assert assistant["model"] == "m"


def test_a_body_of_another_content_type_is_refused(client: TestClient) -> None:
    headers = {"Content-Type": "text/plain"}
    answer = client.post("/v1/assistants", content=b'{"model": "m"}', headers=headers)
    assert "Content-Type: application/json" in refused(answer)["message"]


def test_a_body_that_is_needed_must_be_there(client: TestClient) -> None:
    assert refused(client.post("/v1/assistants"))["message"] == "The request needs a JSON body."


def test_a_body_over_the_limit_is_refused(client: TestClient) -> None:
    body = json.dumps({"model": "m", "name": "x" * 3_800_000})
    refused(client.post("/v1/assistants", content=body), 413)


@pytest.mark.parametrize(
    ("query", "message", "code"),
    [
        (
            "limit=101",
            "Invalid 'limit': integer above maximum value. "
            "Expected a value <= 100, but got 101 instead.",
            "integer_above_max_value",
        ),
        (
            "limit=0",
            "Invalid 'limit': integer below minimum value. "
            "Expected a value >= 1, but got 0 instead.",
            "integer_below_min_value",
        ),
        (
            "limit=101.0",
            "Invalid 'limit': integer above maximum value. "
            "Expected a value <= 100, but got 101 instead.",
            "integer_above_max_value",
        ),
        (
            "limit=many",
            "Invalid type for 'limit': expected an integer, but got a string instead.",
            "invalid_type",
        ),
        (
            "order=up",
            "Invalid value for 'order'. Supported values are: 'asc' and 'desc'.",
            "invalid_value",
        ),
    ],
)
def test_a_wrong_query_is_a_400(client: TestClient, query: str, message: str, code: str) -> None:
    error = refused(client.get(f"/v1/assistants?{query}"))
    assert (error["message"], error["code"]) == (message, code)
    assert error["param"] == query.split("=")[0]


def test_an_unknown_query_parameter_is_tolerated(client: TestClient) -> None:
    created(client.get("/v1/assistants", params={"include[]": "x", "new": "1"}))


@pytest.mark.parametrize("cursor", ["asst#1", "msg_1", "asst_", "asst_1~", "../x", "asst_\u00e9"])
@pytest.mark.parametrize("side", ["after", "before"])
def test_a_cursor_that_is_no_id_of_the_list_is_not_found(
    client: TestClient, side: str, cursor: str
) -> None:
    error = refused(client.get("/v1/assistants", params={side: cursor}), 404)
    assert error["message"] == f"No assistant found with id '{cursor}'."
    assert error["param"] == side


def test_an_error_that_nobody_expected_is_a_500_with_the_requests_id(
    context: ApiContext, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_key: str) -> None:
        raise RuntimeError("SECRET-IN-EXCEPTION")

    app = create_app(context)

    @app.get("/fails")
    def fails() -> None:
        fail("SECRET-IN-ARGUMENT")

    answer = TestClient(app).get("/fails?q=SECRET-IN-QUERY", headers={"Origin": "https://a.b"})
    request_id = answer.headers["x-request-id"]
    error = refused(answer, 500)
    assert error["type"] == "server_error"
    assert request_id in error["message"]
    assert answer.headers["access-control-allow-origin"] == "*"
    (logged,) = [record for record in caplog.records if record.message == "request failed"]
    assert "fails" in str(vars(logged)["at"])
    assert "SECRET" not in str([vars(record) for record in caplog.records])


def test_every_request_is_logged_without_its_query(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    refused(client.get("/v1/threads/thread_1/messages?after=SECRET"), 404)
    (logged,) = [record for record in caplog.records if record.message == "request answered"]
    fields = vars(logged)
    assert (fields["method"], fields["status"]) == ("GET", 404)
    assert fields["path"] == "/v1/threads/thread_1/messages"
    assert "SECRET" not in str(fields)


def test_health_needs_neither_key_nor_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_TABLE", raising=False)
    assert created(TestClient(create_app()).get("/health")) == {"status": "ok"}


def test_a_server_may_start_and_stop_the_application(context: ApiContext) -> None:
    with TestClient(create_app(context)) as client:
        assert created(client.get("/health")) == {"status": "ok"}


def test_the_document_describes_what_is_served(anonymous: TestClient) -> None:
    document = created(anonymous.get("/v1/openapi.json"))
    assert set(document["paths"]["/v1/threads/{thread_id}/runs/{run_id}/submit_tool_outputs"]) == {
        "post"
    }
    content = document["paths"].pop("/v1/files/{file_id}/content")["get"]
    assert set(content["responses"]["200"]["content"]) == {"application/octet-stream"}
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        assert "422" not in operation["responses"]
        assert "$ref" in str(operation["responses"]["200"])
    # OpenAPI 3.1, "Components Object": keys have no other characters.
    components = [name for group in document["components"].values() for name in group]
    assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", name) for name in components)
    protected = [name for name in document["paths"] if name != "/health"]
    for name in protected:
        for operation in document["paths"][name].values():
            admin = name.startswith("/v1/organization/")
            assert operation["security"] == [{"AdminKey" if admin else "ProjectKey": []}]


def test_the_page_of_the_document_finds_it_behind_a_stage(anonymous: TestClient) -> None:
    page = anonymous.get("/docs")
    assert page.status_code == 200
    assert "'v1/openapi.json'" in page.text or '"v1/openapi.json"' in page.text


def test_an_error_of_the_core_keeps_its_param(context: ApiContext) -> None:
    app = create_app(context)

    @app.get("/fails")
    def fails() -> None:
        raise InvalidRequest("No.", param="tools[0]", code="c")

    assert refused(TestClient(app).get("/fails"))["param"] == "tools[0]"
