"""Documents of the size and shape that large public services publish."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from core.openapi import Choice, Document, Operation, build_request, parse_document

RESOURCES = 60
ARGUMENTS: dict[str, Any] = {"id": "7", "account": "acme", "Idempotency": "x"}


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def resource(number: int, version: str) -> dict[str, Any]:
    """Return schemas of a resource, which refers to its neighbours in a circle."""
    name, following = f"Thing{number}", f"Thing{(number + 1) % RESOURCES}"
    note: dict[str, Any] = {"type": "string", "nullable": True}
    if version.startswith("3.1"):
        note = {"type": ["string", "null"], "examples": ["a"]}
    return {
        name: {
            "type": "object",
            "required": ["id", "kind"],
            "properties": {
                "id": {"type": "string", "readOnly": True},
                "kind": {"type": "string", "enum": ["a", "b"]},
                "note": note,
                "next": {"$ref": f"#/components/schemas/{following}", "description": "The next."},
                "source": {
                    "oneOf": [ref(f"Card{number}"), ref(f"Bank{number}")],
                    "discriminator": {"propertyName": "type"},
                },
                "children": {"type": "array", "items": ref(name)},
                "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
        f"Card{number}": {"allOf": [ref("Source"), {"properties": {"number": {"type": "string"}}}]},
        f"Bank{number}": {"allOf": [ref("Source"), {"properties": {"iban": {"type": "string"}}}]},
    }


def large(version: str) -> dict[str, Any]:
    """Return a document of five operations for each of its resources."""
    schemas: dict[str, Any] = {
        "Source": {
            "type": "object",
            "properties": {"type": {"type": "string"}, "of": ref("Thing0")},
        }
    }
    paths: dict[str, Any] = {}
    by_id = {"$ref": "#/components/parameters/Id"}
    header = {"name": "Idempotency", "in": "header", "schema": {"type": "string"}}
    expand = {"name": "expand", "in": "query", "style": "deepObject", "schema": {"type": "array"}}
    created = {
        "name": "created",
        "in": "query",
        "style": "deepObject",
        "schema": {"type": "object"},
    }
    for number in range(RESOURCES):
        schemas |= resource(number, version)
        body = {"content": {"application/json": {"schema": ref(f"Thing{number}")}}}
        form = {
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "properties": {"metadata": {"type": "object"}, "name": {"type": "string"}},
                    },
                    "encoding": {"metadata": {"style": "deepObject", "explode": True}},
                }
            }
        }
        tags = [f"things-{number}"]
        paths[f"/v1/{{account}}/things{number}"] = {
            "parameters": [
                {"name": "account", "in": "path", "required": True, "schema": {"type": "string"}}
            ],
            "get": {"tags": tags, "parameters": [expand, created], "responses": {"200": {}}},
            "post": {"tags": tags, "requestBody": body, "parameters": [header]},
        }
        paths[f"/v1/things{number}/{{id}}"] = {
            "parameters": [by_id],
            "get": {"tags": tags, "operationId": f"things{number}/get"},
            "post": {"tags": tags, "operationId": f"things{number}/update", "requestBody": form},
            "delete": {"tags": tags, "operationId": f"things{number}/delete"},
        }
    return {
        "openapi": version,
        "info": {"title": "Things", "version": "2024-01-31"},
        "servers": [
            {
                "url": "https://{region}.things.example/{base}",
                "variables": {"region": {"default": "eu"}, "base": {"default": "api"}},
            }
        ],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": {
                "Id": {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
            },
        },
    }


@pytest.fixture(scope="module", params=["3.0.3", "3.1.0"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def document(version: str) -> Document:
    return parse_document(large(version))


def test_every_operation_becomes_a_tool_that_can_be_stored(document: Document) -> None:
    assert len(document.operations) == 5 * RESOURCES
    assert document.skipped == ()
    assert max(len(operation.to_json()) for operation in document.operations) < 131_072


def test_every_schema_is_one_that_a_model_can_be_given(document: Document) -> None:
    for operation in document.operations:
        schema = operation.json_schema()
        Draft202012Validator.check_schema(schema)
        assert "$ref" not in str(schema)
        assert "nullable" not in str(schema)


def test_every_operation_makes_requests(document: Document) -> None:
    for operation in document.operations:
        known = [parameter.argument for parameter in operation.parameters]
        arguments = {name: value for name, value in ARGUMENTS.items() if name in known}
        request = build_request(operation, arguments | _body(operation))
        assert request.url.startswith("https://eu.things.example/api/v1/")


def _body(operation: Operation) -> dict[str, Any]:
    if operation.body is None or not operation.body.required_properties():
        return {}
    return {"kind": "a", "note": None, "source": {"type": "card"}}


def test_the_circle_of_resources_ends(version: str) -> None:
    choice = Choice(operations=("POST /v1/{account}/things7",))
    (operation,) = parse_document(large(version), choice).operations
    schema: Any = operation.json_schema()["properties"]
    levels, inner = 0, schema
    while "next" in inner:
        inner, levels = inner["next"].get("properties", {}), levels + 1
    assert 2 <= levels <= RESOURCES
    assert schema["note"]["type"] == ["string", "null"]


def test_a_resource_is_chosen_by_its_tag(version: str) -> None:
    found = parse_document(large(version), Choice(tags=("things-7",))).operations
    assert [(one.method, one.path) for one in found] == [
        ("GET", "/v1/{account}/things7"),
        ("POST", "/v1/{account}/things7"),
        ("GET", "/v1/things7/{id}"),
        ("POST", "/v1/things7/{id}"),
        ("DELETE", "/v1/things7/{id}"),
    ]
