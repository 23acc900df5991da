"""Every error becomes a status and OpenAI's error shape."""

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient

from adapters.dynamodb.errors import StoreUnavailable
from api.errors import error_response, install_error_handlers, server_fault
from core.errors import (
    ApiError,
    AuthenticationFailed,
    BackendFailed,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    PermissionDenied,
    ServerFault,
)


def client(error: Exception) -> TestClient:
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/fails")
    def fails() -> None:
        raise error

    return TestClient(app)


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (InvalidRequest("No.", param="p", code="c"), 400, "invalid_request_error"),
        (AuthenticationFailed("No."), 401, "invalid_request_error"),
        (PermissionDenied("No."), 403, "invalid_request_error"),
        (NotFound("No."), 404, "invalid_request_error"),
        (PayloadTooLarge("No."), 413, "invalid_request_error"),
        (ServerFault("No."), 500, "server_error"),
        (BackendFailed("No."), 502, "server_error"),
    ],
)
def test_an_error_has_its_status_and_shape(error: ApiError, status: int, kind: str) -> None:
    answer = client(error).get("/fails")
    assert answer.status_code == status
    assert answer.json() == {
        "error": {"message": "No.", "type": kind, "param": error.param, "code": error.code}
    }


def test_a_kind_of_error_that_is_derived_from_another_has_its_status() -> None:
    class Gone(NotFound):
        pass

    assert error_response(Gone("No.")).status_code == 404


def test_a_401_names_the_scheme_that_is_wanted() -> None:
    answer = client(AuthenticationFailed("No.")).get("/fails")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("retryable", "header"), [(True, None), (False, "false")])
def test_clients_are_told_not_to_repeat_what_cannot_succeed(
    retryable: bool, header: str | None
) -> None:
    answer = client(BackendFailed("No.", retryable=retryable)).get("/fails")
    assert answer.headers.get("x-should-retry") == header


@pytest.mark.fault("table-throttled")
def test_a_store_that_is_busy_asks_for_another_try() -> None:
    answer = client(StoreUnavailable("SECRET")).get("/fails")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["error"]["type"] == "server_error"
    assert "SECRET" not in answer.text


def test_an_http_exception_keeps_its_status_and_headers() -> None:
    answer = client(HTTPException(418, "A teapot.", {"x-tea": "1"})).get("/fails")
    assert (answer.status_code, answer.headers["x-tea"]) == (418, "1")
    assert answer.json()["error"]["message"] == "A teapot."


def test_a_server_fault_names_the_request() -> None:
    assert "req_1" in server_fault("req_1").message
