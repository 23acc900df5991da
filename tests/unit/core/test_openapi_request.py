"""Requests from arguments: styles, bodies, and the words for arguments that make no request."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from core.openapi import (
    InvalidArguments,
    Operation,
    PreparedRequest,
    build_request,
    parse_document,
)


def operation(
    path: str = "/things", *parameters: dict[str, Any], body: Any = None, media: str = "json"
) -> Operation:
    described: dict[str, Any] = {"parameters": list(parameters)}
    if body is not None:
        types = {"json": "application/json", "form": "application/x-www-form-urlencoded"}
        described["requestBody"] = {"content": {types[media]: {"schema": body}}, "required": True}
    (found,) = parse_document(
        {
            "openapi": "3.1.0",
            "servers": [{"url": "https://api.example/v1"}],
            "paths": {path: {"post": described}},
        }
    ).operations
    return Operation.from_json(found.to_json())


def parameter(name: str, where: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "schema": {}, **fields}


def query(value: Any, **fields: Any) -> str:
    built = build_request(operation("/things", parameter("p", "query", **fields)), {"p": value})
    return urlsplit(built.url).query


def in_path(value: Any, **fields: Any) -> str:
    built = build_request(operation("/a/{p}/b", parameter("p", "path", **fields)), {"p": value})
    assert built.url.startswith("https://api.example/v1/a/")
    assert built.url.endswith("/b")
    return built.url[len("https://api.example/v1/a/") : -len("/b")]


def refusal(found: Operation, arguments: Any) -> str:
    with pytest.raises(InvalidArguments) as caught:
        build_request(found, arguments)
    return caught.value.message


def test_a_call_without_arguments_is_the_bare_url() -> None:
    assert build_request(operation(), {}) == PreparedRequest(
        method="POST",
        url="https://api.example/v1/things",
        headers={"Accept": "application/json, */*;q=0.8"},
        body=None,
    )


@pytest.mark.parametrize(
    ("fields", "value", "written"),
    [
        ({}, "a b&c=d/e?f#g", "p=a%20b%26c%3Dd%2Fe%3Ff%23g"),
        ({}, "", "p="),
        ({}, "\r\nX: y\0", "p=%0D%0AX%3A%20y%00"),
        ({}, "größe", "p=gr%C3%B6%C3%9Fe"),
        ({}, True, "p=true"),
        ({}, 12, "p=12"),
        ({}, 5.0, "p=5"),
        ({}, 0.5, "p=0.5"),
        ({}, ["a", "b,c", 3], "p=a&p=b%2Cc&p=3"),
        ({"explode": False}, ["a", "b,c", 3], "p=a,b%2Cc,3"),
        ({"style": "spaceDelimited", "explode": False}, ["a", "b"], "p=a%20b"),
        ({"style": "pipeDelimited", "explode": False}, ["a", "b"], "p=a%7Cb"),
        ({"style": "pipeDelimited", "explode": True}, ["a", "b"], "p=a&p=b"),
        ({}, {"k": 1, "l": "m"}, "k=1&l=m"),
        ({"explode": False}, {"k": 1, "l": "m"}, "p=k,1,l,m"),
        ({"style": "deepObject"}, {"k": 1, "l]": "m"}, "p%5Bk%5D=1&p%5Bl%5D%5D=m"),
        ({"allowReserved": True}, "a/b&c", "p=a%2Fb%26c"),
        ({}, None, ""),
        ({}, [], ""),
        ({}, {}, ""),
    ],
)
def test_a_query_parameter_is_written_in_its_style(fields: Any, value: Any, written: str) -> None:
    assert query(value, **fields) == written


def test_a_parameter_described_by_content_is_json() -> None:
    content: Any = {"application/json": {"schema": {}}}
    built = build_request(
        operation("/things", {"name": "p", "in": "query", "content": content}),
        {"p": {"a": [1, None], "b": "ü"}},
    )
    assert parse_qsl(urlsplit(built.url).query) == [("p", '{"a":[1,null],"b":"ü"}')]


def test_json_may_stand_in_a_path_or_a_header_as_well() -> None:
    content: Any = {"application/json": {"schema": {}}}
    found = operation(
        "/a/{p}",
        {"name": "p", "in": "path", "required": True, "content": content},
        {"name": "X-P", "in": "header", "content": content},
    )
    built = build_request(found, {"p": {"a": "/"}, "X-P": [1, {}]})
    assert built.url == "https://api.example/v1/a/%7B%22a%22%3A%22%2F%22%7D"
    assert built.headers["X-P"] == "[1,{}]"


@pytest.mark.parametrize(
    ("fields", "value", "written"),
    [
        ({}, "a/b", "a%2Fb"),
        ({}, "a?b#c", "a%3Fb%23c"),
        ({}, "@evil.example:80", "%40evil.example%3A80"),
        ({}, "a\\b", "a%5Cb"),
        ({}, "%2e%41", "%252e%2541"),
        ({}, "ü", "%C3%BC"),
        ({}, "...", "..."),
        ({}, ".hidden", ".hidden"),
        ({}, False, "false"),
        ({}, ["a", "b,c"], "a,b%2Cc"),
        ({}, {"k": "v", "l": 1}, "k,v,l,1"),
        ({"explode": True}, {"k": "v", "l": 1}, "k=v,l=1"),
    ],
)
def test_a_path_parameter_is_written_in_its_style(fields: Any, value: Any, written: str) -> None:
    assert in_path(value, **fields) == written


@pytest.mark.parametrize(
    "value",
    [
        ".",
        "..",
        "../admin",
        "a/../../admin",
        "a/.",
        "..\\admin",
        "%2e%2e",
        "%2e%2e%2fadmin",
        "%252e%252e/admin",
        "..;/admin",
        "..%3b/admin",
        "\uff0e\uff0e",
        "\u2025/admin",
        "..\uff0fadmin",
        ["a", ".."],
        ["../a"],
        {"..": "a"},
    ],
)
def test_a_path_value_never_climbs(value: Any) -> None:
    found = operation("/a/{p}", parameter("p", "path"))
    assert "'.' or '..'" in refusal(found, {"p": value})


@pytest.mark.parametrize("value", ["", None, [], {}, [""]])
def test_a_path_value_is_never_empty(value: Any) -> None:
    message = refusal(operation("/a/{p}", parameter("p", "path")), {"p": value})
    assert message in (
        "The argument 'p' is required.",
        "The argument 'p' must not be empty.",
    )


@pytest.mark.parametrize("value", ["a\r\nb", "a\0", "\x7f", "\x85"])
def test_a_path_value_holds_no_control_characters(value: str) -> None:
    found = operation("/a/{p}", parameter("p", "path"))
    assert refusal(found, {"p": value}) == "The argument 'p' must not hold control characters."


def test_two_path_values_cannot_climb_together() -> None:
    found = operation("/a/{x}{y}/b", parameter("x", "path"), parameter("y", "path"))
    assert build_request(found, {"x": "1", "y": "2"}).url == "https://api.example/v1/a/12/b"
    assert "'.' or '..'" in refusal(found, {"x": "-", "y": ".."})
    dotted = operation("/a/.{x}", parameter("x", "path"))
    assert build_request(dotted, {"x": "git"}).url == "https://api.example/v1/a/.git"
    assert "'.' or '..'" in refusal(dotted, {"x": "."})


def test_half_a_segment_cannot_complete_a_climb() -> None:
    found = operation("/a/{x}.", parameter("x", "path"))
    assert "'.' or '..'" in refusal(found, {"x": "."})


def test_header_parameters_are_headers() -> None:
    found = operation(
        "/things", parameter("X-Tag", "header"), parameter("X-On", "header", required=True)
    )
    built = build_request(found, {"X-Tag": ["a", 1], "X-On": True})
    assert built.headers == {
        "Accept": "application/json, */*;q=0.8",
        "X-Tag": "a,1",
        "X-On": "true",
    }


@pytest.mark.parametrize(
    "value", ["a\r\nHost: evil", "a\nb", "\0", "\x7f", "tab\there", "ü", "\u2028"]
)
def test_a_header_value_is_printable_ascii(value: str) -> None:
    found = operation("/things", parameter("X-Tag", "header"))
    assert "printable ASCII" in refusal(found, {"X-Tag": value})


def test_a_header_value_is_limited() -> None:
    found = operation("/things", parameter("X-Tag", "header"))
    assert "at most 4,096 characters" in refusal(found, {"X-Tag": "a" * 5_000})


def test_a_url_is_limited() -> None:
    message = refusal(operation("/things", parameter("p", "query")), {"p": "a" * 9_000})
    assert message == "The arguments make a URL of more than 8,192 characters; shorten them."


def test_a_missing_argument_is_named() -> None:
    found = operation("/things", parameter("p", "query", required=True))
    assert refusal(found, {}) == "The argument 'p' is required."
    assert refusal(found, {"p": None}) == "The argument 'p' is required."


def test_an_unknown_argument_is_named_with_those_that_exist() -> None:
    found = operation("/things", parameter("p", "query"), parameter("X-Q", "header"))
    assert refusal(found, {"q": 1}) == ("There is no argument 'q'; the arguments are 'p', 'X-Q'.")
    assert refusal(operation(), {"q": 1}) == (
        "There is no argument 'q'; this function takes no arguments."
    )


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), [[1]], [{}], {"a": [1]}, [None], 10**400]
)
def test_a_value_that_no_style_can_write_is_refused(value: Any) -> None:
    assert refusal(operation("/x", parameter("p", "query")), {"p": value}).startswith(
        "The argument 'p' m"
    )


@pytest.mark.parametrize("where", ["path", "query", "header"])
def test_half_a_character_is_refused(where: str) -> None:
    found = operation("/a/{p}" if where == "path" else "/a", parameter("p", where))
    assert refusal(found, {"p": "\ud800"}) == "The argument 'p' is not Unicode text."
    assert refusal(found, {"p": {"\udfff": "a"}}) == "The argument 'p' is not Unicode text."


def test_an_exploded_object_cannot_pose_as_another_parameter() -> None:
    found = operation("/x", parameter("filter", "query"), parameter("admin", "query"))
    assert refusal(found, {"filter": {"admin": "true"}}) == (
        "The argument 'filter' must not hold the name of another argument."
    )


PET = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "note": {"type": ["string", "null"]},
        "tags": {"type": "array"},
        "more": {"type": "object"},
    },
}


def test_the_properties_of_a_json_body_are_arguments() -> None:
    built = build_request(
        operation("/x", parameter("p", "query"), body=PET),
        {"p": 1, "name": "Ü", "note": None, "tags": [], "more": {"a": [1]}},
    )
    assert built.url.endswith("/x?p=1")
    assert built.headers["Content-Type"] == "application/json"
    assert built.body == '{"name":"Ü","note":null,"tags":[],"more":{"a":[1]}}'.encode()


def test_a_null_that_the_body_does_not_allow_is_left_out() -> None:
    built = build_request(operation(body=PET), {"name": "a", "age": None})
    assert built.body == b'{"name":"a"}'


def test_a_missing_property_of_the_body_is_named() -> None:
    assert refusal(operation(body=PET), {"age": 1}) == "The argument 'name' is required."
    assert refusal(operation(body=PET), {"name": None}) == "The argument 'name' is required."


def test_an_unknown_property_of_the_body_is_refused() -> None:
    assert "no argument 'nmae'" in refusal(operation(body=PET), {"nmae": "a"})


def test_an_optional_body_is_left_out_when_nothing_is_given() -> None:
    document: Any = {
        "openapi": "3.1.0",
        "servers": [{"url": "https://api.example"}],
        "paths": {
            "/m": {"post": {"requestBody": {"content": {"application/json": {"schema": PET}}}}},
            "/b": {"post": {"requestBody": {"content": {"application/json": {"schema": {}}}}}},
        },
    }
    merged, whole = parse_document(document).operations
    assert build_request(merged, {}).body is None
    assert "Content-Type" not in build_request(merged, {}).headers
    assert build_request(merged, {"name": "a"}).body == b'{"name":"a"}'
    assert refusal(merged, {"age": 1}) == "The argument 'name' is required."
    assert build_request(whole, {}).body is None
    assert build_request(whole, {"body": None}).body == b"null"


def test_a_whole_body_is_one_argument() -> None:
    found = operation(body={"type": "array"})
    assert build_request(found, {"body": [1, "a"]}).body == b'[1,"a"]'
    assert refusal(found, {}) == "The argument 'body' is required."


@pytest.mark.parametrize("value", [float("nan"), {"a": "\ud800"}, {"a": float("-inf")}])
def test_a_body_that_is_no_json_is_refused(value: Any) -> None:
    assert refusal(operation(body={}), {"body": value}).startswith("The argument 'body' ")


def test_a_body_that_is_nested_too_deep_is_refused() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert "cannot be written as JSON" in refusal(operation(body={}), {"body": value})


def test_a_form_repeats_lists_and_writes_objects_as_json() -> None:
    found = operation(body=PET, media="form")
    built = build_request(
        found, {"name": "a b&c=ü", "age": 3, "note": None, "tags": ["x", 1], "more": {"k": [1]}}
    )
    assert built.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert built.body is not None
    fields = parse_qsl(built.body.decode("ascii"))
    assert fields[:2] == [("name", "a b&c=ü"), ("age", "3")]
    assert fields[2:4] == [("tags", "x"), ("tags", "1")]
    assert (fields[4][0], json.loads(fields[4][1])) == ("more", {"k": [1]})


def test_a_form_is_an_object_of_unicode_text() -> None:
    found = operation(body={"type": "object"}, media="form")
    assert refusal(found, {"body": [1]}) == "The argument 'body' must be an object."
    assert "not Unicode" in refusal(found, {"body": {"a": "\ud800"}})
    assert "not Unicode" in refusal(found, {"body": {"\ud800": "a"}})


def test_a_request_shows_no_secrets_as_text() -> None:
    built = build_request(
        operation("/x", parameter("key", "query"), parameter("X-Key", "header"), body=PET),
        {"key": "hush", "X-Key": "hush", "name": "hush"},
    )
    assert "hush" in built.url
    assert "hush" not in repr(built)
