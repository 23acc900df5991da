"""What the model is told about the response of an action."""

import json
from typing import Any

import pytest

from adapters.egress import (
    EgressError,
    EgressFailed,
    EgressRefused,
    EgressResponse,
    EgressTimeout,
)
from core.openapi import Operation, operations, parse_document
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
    (found,) = operations(parse_document(document))
    return found


def call(arguments: str = '{"id": "a/b"}', method: str = "get") -> ToolCallInput:
    return ToolCallInput(
        name="pet",
        arguments=arguments,
        configuration=operation(method).to_json(),
        timeout_seconds=7.5,
        idempotency_key="run_1-call_1",
    )


def response(
    body: bytes,
    content_type: str = "application/json",
    status: int = 200,
    *,
    truncated: bool = False,
) -> EgressResponse:
    return EgressResponse(status, content_type, body, truncated)


def told(answer: EgressResponse, max_output_chars: int = 1_000) -> ToolOutput:
    return ActionTool(ScriptedEgress(answer), max_output_chars).run(call())


def test_the_request_of_the_operation_is_sent_within_the_calls_time_and_with_its_key() -> None:
    egress = ScriptedEgress(response(b"{}"))
    ActionTool(egress).run(call())
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
        ActionTool(ScriptedEgress(error)).run(call(method=method))
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
        ActionTool(egress).run(call(arguments))
    assert words in caught.value.message
    assert egress.requests == []


def test_an_action_that_cannot_be_read_says_so() -> None:
    broken = ToolCallInput("pet", "{}", '{"hush": 1}', 5, "k")
    with pytest.raises(ToolError, match=r"^This action cannot be used"):
        ActionTool(ScriptedEgress(response(b"{}"))).run(broken)
