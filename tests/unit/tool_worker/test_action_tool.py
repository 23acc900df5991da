"""What the model is told about the response of an action."""

import json
from typing import Any

import pytest

from adapters.action_caller import ActionCaller
from adapters.egress import (
    EgressError,
    EgressFailed,
    EgressRefused,
    EgressResponse,
    EgressTimeout,
)
from adapters.oauth2 import TokenSource
from core.openapi import Operation, parse_document
from core.schema.authentication import (
    ApiKeyAuthentication,
    Authentication,
    BasicAuthentication,
    BearerAuthentication,
)
from tests.support.egress import ScriptedEgress
from tool_worker.registry import ToolCallInput, ToolError, ToolOutput
from tool_worker.tools.action import ActionTool


def operation(method: str = "get") -> Operation:
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "servers": [{"url": "https://api.example"}],
        "paths": {
            "/pets/{id}": {
                method: {
                    "parameters": [
                        {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
                    ]
                }
            }
        },
    }
    (found,) = parse_document(document).operations
    return found


def call(
    arguments: str = '{"id": "a/b"}',
    method: str = "get",
    authentication: Authentication | None = None,
) -> ToolCallInput:
    return ToolCallInput(
        name="pet",
        arguments=arguments,
        configuration=operation(method).to_json(),
        timeout_seconds=7.5,
        idempotency_key="run_1-call_1",
        authentication=authentication,
    )


def response(
    body: bytes,
    content_type: str = "application/json",
    status: int = 200,
    *,
    truncated: bool = False,
) -> EgressResponse:
    return EgressResponse(status, content_type, body, truncated)


def tool_of(egress: ScriptedEgress, max_output_chars: int = 1_000) -> ActionTool:
    caller = ActionCaller(egress, TokenSource(egress), max_output_chars, monotonic=lambda: 0.0)
    return ActionTool(caller)


def told(answer: EgressResponse, max_output_chars: int = 1_000) -> ToolOutput:
    return tool_of(ScriptedEgress(answer), max_output_chars).run(call())


def test_the_request_of_the_operation_is_sent_within_the_calls_time_and_with_its_key() -> None:
    egress = ScriptedEgress(response(b"{}"))
    tool_of(egress).run(call())
    (request,) = egress.requests
    assert (request.method, request.url) == ("GET", "https://api.example/pets/a%2Fb")
    assert egress.limits == [(7.5, "run_1-call_1")]


def test_the_body_of_a_success_is_the_output() -> None:
    assert told(response(b'{"name": "Rex"}')) == ToolOutput('{"name": "Rex"}', failed=False)


@pytest.mark.parametrize("status", [301, 304, 400, 404, 500])
def test_any_other_status_is_told_with_the_body(status: int) -> None:
    output = told(response(b'{"why": "no"}', status=status))
    assert output.failed
    assert json.loads(output.output) == {"status": status, "body": '{"why": "no"}'}


def test_an_empty_success_is_told_by_its_status() -> None:
    output = told(response(b"", "", 204))
    assert not output.failed
    assert json.loads(output.output) == {"status": 204, "body": ""}


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("größe".encode(), "text/plain", "größe"),
        ("größe".encode(), "", "größe"),
        ("größe".encode(), "application/octet-stream", "größe"),
        ("größe".encode("latin-1"), "text/plain; charset=ISO-8859-1", "größe"),
        ("größe €".encode("cp1252"), 'text/html;charset="windows-1252"', "größe €"),
        ("größe".encode("utf-16"), "text/plain; charset=utf-8", "größe"),
        ("日本".encode("shift_jis"), "text/plain; charset=Shift_JIS", "日本"),
        (b"\xef\xbb\xbf{}", "application/json", "{}"),
        (b"\xff", "application/vnd.api+json", "\ufffd"),
        (b"a", "text/plain; charset=no-such", "a"),
        (b"a", "text/plain; charset=hex", "a"),
        (b"xn--a", "text/plain; charset=idna", "xn--a"),
        (b"+AGE-", "text/plain; charset=utf-7", "+AGE-"),
        (b"<a/>", "image/svg+xml", "<a/>"),
    ],
)
def test_text_is_decoded_by_its_charset(body: bytes, content_type: str, text: str) -> None:
    assert told(response(body, content_type)).output == text


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b"\x89PNG\r\n", "image/png", "image/png, 6 bytes"),
        (b"%PDF-1.7", "application/pdf", "application/pdf, 8 bytes"),
        (b"\x00\x01", "", "no type, 2 bytes"),
        (b"\xff\xfe\xfd", "application/octet-stream", "application/octet-stream, 3 bytes"),
        (b"ok", "image/\x1b[31m", "ok"),
    ],
)
def test_what_is_no_text_is_described(body: bytes, content_type: str, words: str) -> None:
    output = told(response(body, content_type)).output
    assert words in output
    assert "PNG\r\n" not in output
    assert output.isprintable()


def test_a_long_text_is_cut_and_says_so() -> None:
    output = told(response(b"x" * 1_500, "text/plain")).output
    assert output == "x" * 1_000 + "\n[The response was cut: 1,000 of 1,500 characters.]"


def test_a_response_that_egress_cut_says_so() -> None:
    short = told(response(b"x" * 900, "text/plain", truncated=True)).output
    assert short == "x" * 900 + "\n[The response was cut: it has more than 900 characters.]"
    long = told(response(b"x" * 1_500, "text/plain", truncated=True)).output
    assert long.endswith("[The response was cut: 1,000 of more than 1,500 characters.]")
    binary = told(response(b"\0" * 900, "image/png", truncated=True)).output
    assert binary == "[The response is not text (image/png, more than 900 bytes).]"


@pytest.mark.parametrize(
    ("error", "method", "message"),
    [
        (EgressRefused("No."), "post", "No."),
        (EgressTimeout("Late."), "get", "Late."),
        (EgressTimeout("Late."), "post", "Late. It may or may not have acted."),
        (EgressFailed("Broken."), "delete", "Broken. It may or may not have acted."),
    ],
)
def test_the_model_learns_why_there_is_no_response(
    error: EgressError, method: str, message: str
) -> None:
    with pytest.raises(ToolError) as caught:
        tool_of(ScriptedEgress(error)).run(call(method=method))
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("{}", "'id' is required"),
        ('{"id": "a", "x": 1}', "no argument 'x'"),
        ('{"id": ".."}', "'.' or '..'"),
        ("[", "not valid JSON"),
    ],
)
def test_the_model_learns_what_is_wrong_with_its_arguments(arguments: str, words: str) -> None:
    egress = ScriptedEgress(response(b"{}"))
    with pytest.raises(ToolError) as caught:
        tool_of(egress).run(call(arguments))
    assert words in caught.value.message
    assert egress.requests == []


def test_an_action_that_cannot_be_read_says_so() -> None:
    broken = ToolCallInput("pet", "{}", '{"hush": 1}', 5, "k")
    with pytest.raises(ToolError, match=r"^This action cannot be used"):
        tool_of(ScriptedEgress(response(b"{}"))).run(broken)


# ---- credentials --------------------------------------------------------------------------------

KEY = "hush/hush+1"
BEARER = BearerAuthentication(type="bearer", secret=KEY)
IN_QUERY = ApiKeyAuthentication.model_validate(
    {"type": "api_key", "name": "key", "in": "query", "secret": KEY}
)
BASIC = BasicAuthentication(type="basic", username="user", password=KEY)


def authenticated(
    answer: EgressResponse, authentication: Authentication, max_output_chars: int = 1_000
) -> str:
    tool = tool_of(ScriptedEgress(answer), max_output_chars)
    return tool.run(call(authentication=authentication)).output


def test_the_credentials_of_the_action_are_sent() -> None:
    egress = ScriptedEgress(response(b"{}"))
    tool_of(egress).run(call(authentication=BEARER))
    tool_of(egress).run(call(authentication=IN_QUERY))
    tool_of(egress).run(call())
    header, query, none = egress.requests
    assert header.headers["Authorization"] == f"Bearer {KEY}"
    assert query.url == "https://api.example/pets/a%2Fb?key=hush%2Fhush%2B1"
    assert "Authorization" not in query.headers
    assert (none.url, "Authorization" in none.headers) == ("https://api.example/pets/a%2Fb", False)


@pytest.mark.parametrize(
    ("body", "authentication"),
    [
        (b'{"headers": {"Authorization": "Bearer hush/hush+1"}}', BEARER),
        (b'{"token": "hush\\/hush+1"}', BEARER),
        (b'{"url": "https://api.example/pets/a?key=hush%2fhush%2B1"}', IN_QUERY),
        (b'{"Authorization": "Basic dXNlcjpodXNoL2h1c2grMQ=="}', BASIC),
        (b'{"user": "user", "password": "hush/hush+1"}', BASIC),
    ],
)
@pytest.mark.parametrize("status", [200, 401])
def test_credentials_that_a_service_repeats_are_hidden(
    body: bytes, authentication: Authentication, status: int
) -> None:
    output = authenticated(response(body, status=status), authentication)
    assert "***" in output
    for part in ("hush", "dXNlcjp"):
        assert part not in output


def test_credentials_are_hidden_before_a_response_is_cut() -> None:
    body = b"x" * 995 + KEY.encode() + b"y" * 100
    assert "hush" not in authenticated(response(body, "text/plain"), BEARER)
    half = b"x" * 100 + KEY.encode()[:6]
    assert "hush" not in authenticated(response(half, "text/plain", truncated=True), BEARER)


def test_credentials_are_hidden_in_the_type_of_a_response() -> None:
    secret = BearerAuthentication(type="bearer", secret="Hush-Hush")
    output = authenticated(response(b"\0", "image/hush-hush"), secret)
    assert output == "[The response is not text (image/***, 1 bytes).]"


@pytest.mark.parametrize("error", [EgressTimeout("Late."), EgressRefused("No.")])
def test_credentials_are_in_no_error(error: EgressError) -> None:
    for authentication in (BEARER, IN_QUERY, BASIC):
        with pytest.raises(ToolError) as caught:
            tool_of(ScriptedEgress(error)).run(call(authentication=authentication))
        assert "hush" not in f"{caught.value!r} {caught.value.message}"


def test_a_call_shows_no_credentials_as_text() -> None:
    assert "hush" not in repr(call(authentication=BEARER))
