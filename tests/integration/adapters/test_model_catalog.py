"""The list of models, asked of real servers that are slow, odd or broken on purpose."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from adapters import model_catalog
from adapters.model_catalog import ANSWER_SECONDS, CACHE_SECONDS, MAX_BYTES, ModelCatalog
from adapters.secrets import SecretValue, model_key
from core.errors import BackendFailed
from infra.local.ports import choose_port
from infra.local.scripted_model import ScriptedModelServer
from tests.support.http_service import Behaviour, Exchange, HttpService, Received, http_service

KEY = "sk-secret-of-the-model"
PROSE = "words-of-the-backend"
LISTING = {"object": "list", "data": [{"id": "meta/llama-3:8b", "created": 5, "owned_by": "meta"}]}


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def answering(
    status: int = 200, body: Any = LISTING, **headers: str
) -> Callable[[Exchange, Received], None]:
    """A service that says one thing."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda exchange, _request: exchange.answer(status, data, **headers)


@contextmanager
def backend(
    behaviour: Behaviour, *, key: str = KEY, suffix: str = "/v1"
) -> Iterator[tuple[ModelCatalog, HttpService, Seconds]]:
    """A backend, its catalog, and the catalog's clock."""
    seconds = Seconds()
    with http_service(behaviour) as service:
        url = f"http://127.0.0.1:{service.port}{suffix}"
        yield ModelCatalog(url, SecretValue(lambda: key), seconds), service, seconds


def failure(catalog: ModelCatalog) -> BackendFailed:
    """Return how the list fails; what it says holds neither the key nor the backend's words."""
    with pytest.raises(BackendFailed) as caught:
        catalog.models()
    chain = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.message}"
    assert KEY not in chain
    assert PROSE not in chain
    return caught.value


@pytest.mark.parametrize("suffix", ["/v1", "/v1/", "", "/compatible/openai/v1"])
def test_the_backend_is_asked_for_its_models_with_its_key(suffix: str) -> None:
    with backend(answering(), suffix=suffix) as (catalog, service, _):
        (model,) = catalog.models()
    assert (model.id, model.created, model.owned_by) == ("meta/llama-3:8b", 5, "meta")
    (request,) = service.received
    assert (request.method, request.target) == ("GET", f"{suffix.rstrip('/')}/models")
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_the_scripted_model_is_listed() -> None:
    with ScriptedModelServer(api_key=KEY) as server:
        (model,) = ModelCatalog(server.base_url, SecretValue(lambda: KEY)).models()
    assert (model.id, model.owned_by) == ("scripted-model", "threadrunner")


def test_the_list_is_remembered_for_a_minute_and_no_longer() -> None:
    with backend(answering()) as (catalog, service, seconds):
        first = catalog.models()
        seconds.now += CACHE_SECONDS - 1
        assert catalog.models() == first
        assert len(service.received) == 1
        seconds.now += 1
        catalog.models()
        assert len(service.received) == 2


def test_a_failure_is_not_remembered() -> None:
    answers = [answering(500), answering()]
    with backend(lambda exchange, request: answers.pop(0)(exchange, request)) as (catalog, _, _2):
        failure(catalog)
        assert len(catalog.models()) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_the_operators_to_mend(status: int) -> None:
    with backend(answering(status, {"error": PROSE})) as (catalog, _, _2):
        error = failure(catalog)
    assert error.message == (
        f"The model backend answered HTTP {status} to GET /models. "
        "Check the model key and what it may use."
    )
    assert not error.retryable


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_backend_without_a_list_is_told_from_a_wrong_url(status: int) -> None:
    with backend(answering(status, {"error": PROSE})) as (catalog, _, _2):
        error = failure(catalog)
    assert "It may have no list of models. Check the model's base URL" in error.message
    assert not error.retryable


@pytest.mark.parametrize(
    ("status", "retryable"), [(500, True), (503, True), (429, True), (400, False), (204, False)]
)
def test_any_other_answer_says_its_status(status: int, retryable: bool) -> None:
    with backend(answering(status, b"" if status == 204 else PROSE)) as (catalog, _, _2):
        error = failure(catalog)
    assert f"answered HTTP {status} to GET /models" in error.message
    assert error.retryable is retryable


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_so_nobody_else_gets_the_key(status: int) -> None:
    with http_service(answering()) as elsewhere:
        location = f"http://127.0.0.1:{elsewhere.port}/v1/models"
        with backend(answering(status, location=location)) as (catalog, _, _2):
            error = failure(catalog)
        assert elsewhere.received == []
    assert "where this redirect leads" in error.message
    assert not error.retryable


@pytest.mark.parametrize(
    "body",
    [
        PROSE.encode(),
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"{}",
        json.dumps({"error": PROSE}).encode(),
        b'{"data": [' + b"9" * 5000 + b"]}",
    ],
    ids=["words", "nothing", "bytes", "deep", "object", "error", "long number"],
)
def test_an_answer_that_is_no_list_is_told_as_such(body: bytes) -> None:
    with backend(answering(200, body)) as (catalog, _, _2):
        error = failure(catalog)
    assert "no list of models" in error.message
    assert not error.retryable


def test_a_list_that_is_too_large_is_not_read_to_its_end() -> None:
    sent = 0

    def endless(exchange: Exchange, _request: Received) -> None:
        nonlocal sent
        exchange.send_response(200)
        exchange.end_headers()
        while sent < 50 * MAX_BYTES:
            exchange.wfile.write(b" " * 65_536)
            sent += 65_536

    with backend(endless) as (catalog, _, _2):
        error = failure(catalog)
    assert "larger than 4,194,304 bytes" in error.message
    assert sent < 20 * MAX_BYTES


def test_a_list_that_drips_is_not_waited_for() -> None:
    def drip(exchange: Exchange, _request: Received) -> None:
        exchange.send_response(200)
        exchange.end_headers()
        exchange.wfile.write(b"[")
        seconds.now += ANSWER_SECONDS + 1
        exchange.wfile.write(b"]")

    with backend(drip) as (catalog, _, seconds):
        error = failure(catalog)
    assert "in time" in error.message
    assert error.retryable


def test_a_silent_backend_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_catalog, "ANSWER_SECONDS", 0.2)
    with backend(lambda _exchange, _request: time.sleep(2)) as (catalog, _, _2):
        began = time.monotonic()
        error = failure(catalog)
        assert time.monotonic() - began < 1.5
    assert "in time" in error.message


def test_a_backend_that_is_not_there_cannot_be_reached() -> None:
    url = f"http://127.0.0.1:{choose_port(None)}/v1"
    error = failure(ModelCatalog(url, SecretValue(lambda: KEY)))
    assert "cannot be reached" in error.message
    assert error.retryable


def hang_up(exchange: Exchange, _request: Received) -> None:
    """End the connection in the middle of the answer."""
    exchange.send_response(200)
    exchange.send_header("Content-Length", "1000")
    exchange.end_headers()
    exchange.wfile.write(b'{"data": [')
    exchange.wfile.flush()
    exchange.connection.shutdown(socket.SHUT_RDWR)
    exchange.close_connection = True


def test_a_backend_that_hangs_up_cannot_be_reached() -> None:
    with backend(hang_up) as (catalog, _, _2):
        assert "cannot be reached" in failure(catalog).message


@pytest.mark.parametrize("url", ["model.test/v1", "ftp://model.test", "http://[::1", "http://\x00"])
def test_a_base_url_that_is_none_is_told_as_such(url: str) -> None:
    assert (
        "Check the model's base URL" in failure(ModelCatalog(url, SecretValue(lambda: KEY))).message
    )


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}\r\nx: y", f"{KEY}é", f"{KEY}\ud800"])
def test_a_key_that_no_header_can_carry_is_told_without_showing_it(key: str) -> None:
    with backend(answering(), key=key) as (catalog, service, _):
        error = failure(catalog)
        assert service.received == []
    assert "cannot be sent in a header" in error.message
    assert not error.retryable


def test_the_key_is_read_from_its_parameter(environment: dict[str, str]) -> None:
    boto3.client("ssm").put_parameter(Name="/a/key", Type="SecureString", Value=KEY)
    with http_service(answering()) as service:
        url = f"http://127.0.0.1:{service.port}/v1"
        ModelCatalog(url, model_key("/a/key", "")).models()
    assert service.received[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_key_that_is_missing_is_told_before_the_backend_is_asked(
    environment: dict[str, str],
) -> None:
    with http_service(answering()) as service:
        url = f"http://127.0.0.1:{service.port}/v1"
        error = failure(ModelCatalog(url, model_key("/no/key", "")))
        assert service.received == []
    assert "key of the model backend cannot be read" in error.message
