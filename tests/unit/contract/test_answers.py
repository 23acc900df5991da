"""What counts as a right answer to a request."""

import json
from typing import Any

import pytest

from tests.contract.python.answers import faults_of
from tests.support.runs import user_message

HEADERS = {"x-request-id": "req_1"}
MESSAGE: dict[str, Any] = user_message("Hello", "msg_1").model_dump(mode="json")
PAGE: dict[str, Any] = {
    "object": "list", "data": [MESSAGE], "first_id": "msg_1", "last_id": "msg_1", "has_more": False
}  # fmt: skip
EMPTY = PAGE | {"data": [], "first_id": None, "last_id": None}
DELETED = {"id": "msg_1", "object": "thread.message.deleted", "deleted": True}
ERROR = {"message": "No.", "type": "invalid_request_error", "param": None, "code": None}


def faults(
    method: str, path: str, value: Any, status: int = 200, headers: dict[str, str] = HEADERS
) -> list[str]:
    """Return what is wrong with an answer of JSON."""
    return faults_of(method, path, status, headers, json.dumps(value).encode())


@pytest.mark.parametrize(
    ("method", "path", "value"),
    [
        ("GET", "/threads/thread_1/messages", PAGE),
        ("GET", "/threads/thread_1/messages", EMPTY),
        ("POST", "/threads/thread_1/messages", MESSAGE),
        ("GET", "/threads/thread_1/messages/msg_1", MESSAGE),
        ("DELETE", "/threads/thread_1/messages/msg_1", DELETED),
        ("GET", "/models", {"object": "list", "data": []}),
        (
            "GET",
            "/models/m",
            {"id": "m", "object": "model", "created": 1, "owned_by": "somebody"},
        ),
    ],
)
def test_a_right_answer_has_no_fault(method: str, path: str, value: Any) -> None:
    assert faults(method, path, value) == []


@pytest.mark.parametrize(
    "page",
    [
        PAGE | {"object": "page"},
        PAGE | {"first_id": "msg_2"},
        PAGE | {"last_id": None},
        PAGE | {"has_more": None},
        PAGE | {"next": "msg_2"},
        PAGE | {"data": [MESSAGE | {"extra": 1}]},
        PAGE | {"data": None},
        EMPTY | {"first_id": "msg_1"},
        {name: value for name, value in PAGE.items() if name != "has_more"},
        [MESSAGE],
    ],
)
def test_a_wrong_page_is_found(page: Any) -> None:
    assert len(faults("GET", "/threads/thread_1/messages", page)) == 1


@pytest.mark.parametrize(
    "error",
    [
        {name: value for name, value in ERROR.items() if name != "param"},
        ERROR | {"status": 400},
        ERROR | {"code": 400},
        "No.",
    ],
)
def test_an_error_of_another_shape_is_found(error: Any) -> None:
    path = "/threads/thread_1"
    assert faults("GET", path, {"error": ERROR}, 404) == []
    assert len(faults("GET", path, {"error": error}, 404)) == 1
    assert len(faults("GET", path, ERROR, 404)) == 1


def test_an_answer_needs_a_request_id() -> None:
    path = "/threads/thread_1/messages"
    assert faults("GET", path, PAGE, headers={}) == [f"GET {path}: the answer has no request id"]


def test_an_answer_that_is_not_json_is_found() -> None:
    assert faults_of("GET", "/models", 200, HEADERS, b"<html>") == [
        "GET /models: status 200 without JSON"
    ]


def test_only_the_content_of_a_file_may_be_anything() -> None:
    assert faults_of("GET", "/files/file-1/content", 200, HEADERS, b"\x00") == []
    assert faults_of("GET", "/files/file-1/content", 404, HEADERS, b"\x00") != []


def test_a_path_that_nobody_described_is_an_error() -> None:
    with pytest.raises(LookupError, match="GET /elsewhere"):
        faults("GET", "/elsewhere", {})
