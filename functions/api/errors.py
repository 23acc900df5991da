"""The one place that turns errors into HTTP responses, in OpenAI's shape."""

from collections.abc import Mapping

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException

from adapters.dynamodb.errors import StoreUnavailable
from api.azure import client_path
from api.route import MAX_BODY_BYTES
from api.statuses import OVERLOADED_STATUS, overloaded, status_of
from api.validation import invalid_request
from core.errors import (
    ApiError,
    AuthenticationFailed,
    BackendFailed,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    ServerFault,
)

_LONGEST_PATH = 200


class ErrorDetails(BaseModel):
    """What is wrong: in words, and for programs."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """The body of every answer that is not a success."""

    error: ErrorDetails


def install_error_handlers(app: FastAPI) -> None:
    """Make an application answer errors in OpenAI's shape."""
    app.add_exception_handler(ApiError, _answer_api_error)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(StarletteHTTPException, _answer_http_exception)
    app.add_exception_handler(StoreUnavailable, _answer_unavailable)


def error_response(
    error: ApiError, *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return an error as a response.

    Args:
        error: what happened.
        status: another status than the error's own.
        headers: further headers.
    """
    return JSONResponse(error.body(), status or status_of(error), dict(headers or {}))


def server_fault(request_id: str) -> ServerFault:
    """Return the error for what should not have happened, with what finds it in the log."""
    return ServerFault(
        "The server had an error while processing your request. Please send it again, or report "
        f"it with the request's id, {request_id}."
    )


def _answer_api_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    headers = {}
    if isinstance(error, AuthenticationFailed):
        # RFC 9110, section 15.5.2: a 401 names the scheme that it wants.
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, BackendFailed) and not error.retryable:
        # OpenAI's clients repeat any request that got a 5xx, unless they are told not to.
        headers["x-should-retry"] = "false"
    return error_response(error, headers=headers)


def _answer_validation_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return error_response(invalid_request(error.errors(), error.body))


def _answer_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException | StarletteHTTPException)
    path = client_path(request)[:_LONGEST_PATH]
    answer: ApiError
    if error.status_code == 404:
        answer = NotFound(f"Invalid URL ({request.method} {path})")
    elif error.status_code == 405:
        answer = InvalidRequest(
            f"Not allowed to {request.method} on {path}. "
            "(HINT: Perhaps you meant to use a different HTTP method?)",
            code="method_not_supported",
        )
    elif error.status_code == 413:
        answer = PayloadTooLarge(
            f"The request is too large: its body may have up to {MAX_BODY_BYTES:,} bytes."
        )
    else:
        answer = InvalidRequest(str(error.detail))
    return error_response(answer, status=error.status_code, headers=error.headers)


def _answer_unavailable(_request: Request, _error: Exception) -> JSONResponse:
    return error_response(overloaded(), status=OVERLOADED_STATUS, headers={"retry-after": "1"})
