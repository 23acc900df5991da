"""Credentials come last: whatever a model writes, it neither replaces nor doubles them."""

import base64
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from core.credentials import Credentials, credentials_of, with_credentials, without_owned
from core.openapi import Operation, PreparedRequest, build_request, parse_document
from core.schema.authentication import Authentication

PAIR = base64.b64encode(b"user:hush-hush").decode()
SPELLINGS = st.sampled_from(
    ["api_key", "API_KEY", "Api_Key", "api%5Fkey", "%61pi_key", "ap%69_KEY"]
)


def credentials(**value: Any) -> Credentials:
    adapter: TypeAdapter[Authentication] = TypeAdapter(Authentication)
    return credentials_of(adapter.validate_python(value))


def in_query(secret: str = "hush hush&x=1", name: str = "api_key") -> Credentials:
    return credentials(type="api_key", name=name, **{"in": "query"}, secret=secret)


def in_header(name: str = "X-Api-Key") -> Credentials:
    return credentials(type="api_key", name=name, **{"in": "header"}, secret="hush-hush")


def operation(*parameters: dict[str, Any]) -> Operation:
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "servers": [{"url": "https://api.example"}],
        "paths": {"/pets": {"get": {"operationId": "pets", "parameters": list(parameters)}}},
    }
    (found,) = parse_document(document).operations
    return found


def parameter(name: str, where: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": where, "schema": {"type": "string"}, **more}


def sent(one: Operation, arguments: dict[str, Any], added: Credentials) -> PreparedRequest:
    return with_credentials(build_request(*without_owned(one, arguments, added)), added)


def query_of(request: PreparedRequest) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(request.url).query, keep_blank_values=True)


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        ({"type": "none"}, {}),
        ({"type": "bearer", "secret": "hush"}, {"Authorization": "Bearer hush"}),
        ({"type": "basic", "secret": PAIR}, {"Authorization": f"Basic {PAIR}"}),
        (
            {"type": "basic", "username": "user", "password": "hush-hush"},
            {"Authorization": f"Basic {PAIR}"},
        ),
        (
            {"type": "api_key", "name": "X-Key", "in": "header", "secret": "hush"},
            {"X-Key": "hush"},
        ),
        (
            {"type": "custom", "content": {"X-A": "1", "Authorization": "Token hush"}},
            {"X-A": "1", "Authorization": "Token hush"},
        ),
    ],
)
def test_each_type_says_which_headers_are_sent(
    value: dict[str, Any], headers: dict[str, str]
) -> None:
    request = sent(operation(), {}, credentials(**value))
    accept = {"Accept": "application/json, */*;q=0.8"}
    assert (dict(request.headers), request.url) == (accept | headers, "https://api.example/pets")


def test_a_key_in_the_query_is_one_value_whatever_it_holds() -> None:
    request = sent(operation(parameter("q", "query")), {"q": "a&b"}, in_query())
    assert query_of(request) == [("q", "a&b"), ("api_key", "hush hush&x=1")]
    alone = sent(operation(), {}, in_query("a#b?c/d"))
    assert query_of(alone) == [("api_key", "a#b?c/d")]
    assert urlsplit(alone.url).fragment == ""


@pytest.mark.parametrize("name", ["X-Api-Key", "x-api-key", "X_API_KEY"])
def test_a_header_that_the_document_leaves_to_the_model_is_the_credentials(name: str) -> None:
    one = operation(parameter(name, "header", required=True))
    for arguments in ({name: "evil"}, {}):
        request = sent(one, arguments, in_header())
        assert [v for k, v in request.headers.items() if k != "Accept"] == ["hush-hush"]


@pytest.mark.parametrize("name", ["api_key", "API_KEY"])
def test_a_parameter_that_the_document_leaves_to_the_model_is_the_credentials(name: str) -> None:
    one = operation(parameter(name, "query", required=True), parameter("q", "query"))
    for arguments in ({name: "evil", "q": "x"}, {"q": "x"}):
        assert query_of(sent(one, arguments, in_query("hush"))) == [("q", "x"), ("api_key", "hush")]


def test_an_object_that_brings_its_own_names_does_not_bring_the_keys() -> None:
    free = parameter("filter", "query") | {
        "schema": {"type": "object", "additionalProperties": True},
        "style": "form",
        "explode": True,
    }
    arguments = {"filter": {"api_key": "evil", "Api_Key": "evil", "colour": "red"}}
    request = sent(operation(free), arguments, in_query("hush"))
    assert query_of(request) == [("colour", "red"), ("api_key", "hush")]


@given(names=st.lists(SPELLINGS, min_size=1, max_size=4), other=st.booleans())
def test_no_spelling_of_the_name_stands_beside_the_key(names: list[str], other: bool) -> None:
    pairs = [f"{name}=evil" for name in names] + ["x=1"] * other
    request = PreparedRequest("GET", f"https://a.example/p?{'&'.join(pairs)}", {}, None)
    found = query_of(with_credentials(request, in_query("hush")))
    assert found == [("x", "1")] * other + [("api_key", "hush")]


def test_parameters_at_other_places_are_left_to_the_model() -> None:
    one = operation(parameter("X-Api-Key", "query"), parameter("api_key", "header"))
    arguments = {"X-Api-Key": "mine", "api_key": "mine too"}
    assert query_of(sent(one, arguments, in_header())) == [("X-Api-Key", "mine")]
    assert sent(one, arguments, in_query()).headers["api_key"] == "mine too"


@pytest.mark.parametrize(
    ("value", "secrets"),
    [
        ({"type": "none"}, set()),
        ({"type": "bearer", "secret": "hush"}, {"hush"}),
        (
            {"type": "basic", "secret": PAIR},
            {f"Basic {PAIR}", PAIR, "user:hush-hush", "hush-hush"},
        ),
        (
            {"type": "custom", "content": {"A": "x", "Authorization": f"basic {PAIR}"}},
            {"x", f"basic {PAIR}", PAIR, "user:hush-hush", "hush-hush"},
        ),
        ({"type": "custom", "content": {"A": "Token hush"}}, {"Token hush", "hush"}),
        (
            {"type": "custom", "content": {"A": "Basic no-base64!"}},
            {"Basic no-base64!", "no-base64!"},
        ),
    ],
)
def test_whatever_a_service_may_repeat_is_secret(value: dict[str, Any], secrets: set[str]) -> None:
    assert set(credentials(**value).secrets) == secrets


def test_credentials_show_nothing_as_text() -> None:
    for one in (in_query(), in_header(), credentials(type="basic", secret=PAIR)):
        assert "hush" not in repr(one)
        assert PAIR not in repr(one)
    assert "hush" not in repr(sent(operation(), {}, in_query()))
