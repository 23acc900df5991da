"""How the mistakes of an OpenAPI document are reported."""

from typing import Any

import pytest

from core.openapi import parse_document
from tests.support.openapi import PETS, mistake, one_operation, pets


def parameter(**fields: Any) -> dict[str, Any]:
    return one_operation(parameters=[{"name": "p", "schema": {"type": "string"}, **fields}])


PARAMETER = "paths['/things'].post.parameters[0]"


@pytest.mark.parametrize(
    ("document", "param", "words"),
    [
        ([], "", "must be an object"),
        ({}, "openapi", "is missing"),
        ({**PETS, "openapi": 3}, "openapi", "must be a text"),
        ({**PETS, "openapi": "2.0"}, "openapi", "3.0 or 3.1"),
        ({**PETS, "swagger": "2.0"}, "swagger", "Swagger 2"),
        ({**PETS, "paths": {}}, "paths", "at least one operation"),
        ({**PETS, "paths": {"pets": {}}}, "paths.pets", "starts with a slash"),
        ({**PETS, "paths": {"/a?b=1": {}}}, "paths['/a?b=1']", "a query"),
        ({**PETS, "paths": {"/a/../b": {}}}, "paths['/a/../b']", ". or .."),
        ({**PETS, "paths": {"/{a": {}}}, "paths['/{a']", "brace"),
        ({**PETS, "paths": {"/%zz": {}}}, "paths['/%zz']", "hexadecimal"),
        ({**PETS, "paths": {"/" + "a" * 3_000: {}}}, "paths['/" + "a" * 99 + "…']", "2,048"),
        ({**PETS, "paths": {"/a": {"gett": {}}}}, "paths['/a'].gett", "must be one of the methods"),
        ({**PETS, "paths": {"/a": {"trace": {}}}}, "paths['/a'].trace", "one of the methods"),
        (
            {**PETS, "paths": {"/a/{b}": {"get": {}}}},
            "paths['/a/{b}'].get.parameters",
            "does not describe the path parameter 'b'",
        ),
        (parameter(**{"in": "path", "required": True}), PARAMETER[:-3], "not in the path"),
        (parameter(**{"in": "path"}), PARAMETER[:-3], "not in the path"),
        (parameter(**{"in": "cookie", "required": True}), PARAMETER + ".in", "cookie"),
        (parameter(**{"in": "body"}), PARAMETER + ".in", "path, query, header"),
        (parameter(), PARAMETER + ".in", "is missing"),
        (parameter(**{"in": "query", "name": ""}), PARAMETER + ".name", "between 1 and 256"),
        (parameter(**{"in": "header", "name": "a b"}), PARAMETER + ".name", "name of a header"),
        (parameter(**{"in": "query", "style": "matrix"}), PARAMETER + ".style", "form"),
        (parameter(**{"in": "query", "required": "yes"}), PARAMETER + ".required", "true or false"),
        (
            parameter(**{"in": "query", "style": "deepObject", "explode": False}),
            PARAMETER + ".explode",
            "deepObject",
        ),
        (parameter(**{"in": "query", "schema": 7}), PARAMETER + ".schema", "must be an object"),
        (
            parameter(**{"in": "query", "content": {"text/csv": {}}}),
            PARAMETER + ".content",
            "application/json",
        ),
        (one_operation(parameters={}), "paths['/things'].post.parameters", "must be a list"),
        (one_operation(parameters=[[]]), PARAMETER, "must be an object"),
        (
            one_operation(
                parameters=[
                    {"name": name, "in": "header", "schema": {}} for name in ("X-Key", "x-key")
                ]
            ),
            "paths['/things'].post",
            "more than one parameter that is called 'x-key'",
        ),
        (
            one_operation(parameters=[{"name": "a", "in": "query", "schema": {}}] * 2),
            "paths['/things'].post.parameters[1]",
            "a second time",
        ),
        (
            one_operation(requestBody={"content": {"multipart/form-data": {}}}),
            "paths['/things'].post.requestBody.content",
            "must describe application/json or application/x-www-form-urlencoded",
        ),
        (
            one_operation(
                requestBody={
                    "content": {
                        "application/x-www-form-urlencoded": {
                            "schema": {"type": "object"},
                            "encoding": {"a": {"style": "pipeDelimited"}},
                        }
                    }
                }
            ),
            "paths['/things'].post.requestBody.content['application/x-www-form-urlencoded']"
            ".encoding.a",
            "is not supported",
        ),
        (one_operation(description="\ud800"), "paths['/things'].post", "not Unicode"),
    ],
)
def test_a_mistake_is_named_with_its_place(document: Any, param: str, words: str) -> None:
    error = mistake(document)
    assert error.param == param
    assert words in error.message
    assert error.message.startswith(param or "The document")
    assert error.message.endswith(".")
    assert "\n" not in error.message


def test_a_missing_schema_is_named() -> None:
    document = one_operation(parameters=[{"name": "p", "in": "query"}])
    assert mistake(document).message == f"{PARAMETER}.schema is missing."


def test_keys_that_are_no_texts_are_refused() -> None:
    assert mistake({**PETS, "paths": {7: {}}}).message == "paths must have texts as its keys."


def test_more_operations_than_can_be_registered_at_once_are_refused() -> None:
    document = pets()
    document["paths"] = {f"/{number}": {"get": {}} for number in range(501)}
    assert mistake(document).message == (
        "paths describes 501 operations, of which 500 can be registered at once: choose among them."
    )


def test_an_operation_that_no_table_can_hold_is_refused() -> None:
    properties = {f"p{number}": {"description": "x" * 3_900} for number in range(40)}
    content = {"application/json": {"schema": {"type": "object", "properties": properties}}}
    error = mistake(one_operation(requestBody={"content": content}))
    assert error.param == "paths['/things'].post"
    assert "131,072 are allowed" in error.message


def test_more_parameters_than_anyone_can_fill_are_refused() -> None:
    parameters = [
        {"name": f"p{number}", "in": "query", "schema": {}, "description": "y" * 2_000}
        for number in range(201)
    ]
    error = mistake(one_operation(parameters=parameters))
    assert error.message == "paths['/things'].post must have at most 200 parameters."
    (operation,) = parse_document(one_operation(parameters=parameters[:50])).operations
    description = operation.parameters[0].schema["description"]
    assert description == "y" * 1_023 + "…"
