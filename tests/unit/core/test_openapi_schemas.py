"""Schemas of a document as a model is given them: inlined, finite, plain JSON Schema."""

import json
import time
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from core.openapi import InvalidDocument, parse_document, schemas


def document(schema: Any, components: dict[str, Any] | None = None, version: str = "3.1.0") -> Any:
    content = {"application/json": {"schema": schema}}
    return {
        "openapi": version,
        "servers": [{"url": "https://api.example"}],
        "paths": {"/x": {"post": {"requestBody": {"content": content, "required": True}}}},
        "components": {"schemas": components or {}},
    }


def read(schema: Any, components: dict[str, Any] | None = None, version: str = "3.1.0") -> Any:
    """Return the schema of the body as it is kept."""
    (operation,) = parse_document(document(schema, components, version)).operations
    Draft202012Validator.check_schema(operation.json_schema())
    assert operation.body is not None
    return operation.body.schema


def mistake(schema: Any, components: dict[str, Any] | None = None) -> InvalidDocument:
    with pytest.raises(InvalidDocument) as caught:
        parse_document(document(schema, components))
    return caught.value


def ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


BODY = "paths['/x'].post.requestBody.content['application/json'].schema"


def test_nested_and_shared_references_are_inlined() -> None:
    name = {"type": "string"}
    components = {"Name": name, "Person": {"properties": {"first": ref("Name"), "a": {}}}}
    schema = {"type": "array", "prefixItems": [ref("Person"), ref("Name")], "items": ref("Person")}
    person = {"properties": {"first": name, "a": {}}}
    assert read(schema, components) == {
        "type": "array",
        "prefixItems": [person, name],
        "items": person,
    }


def test_a_schema_that_contains_itself_ends_where_it_does() -> None:
    node = {
        "type": "object",
        "properties": {"value": {"type": "integer"}, "next": ref("Node")},
    }
    assert read(ref("Node"), {"Node": node}) == {
        "type": "object",
        "properties": {
            "value": {"type": "integer"},
            "next": {"type": "object", "description": "Another Node, of the same form."},
        },
    }


def test_schemas_that_contain_each_other_end_as_well() -> None:
    components = {
        "A": {"type": "array", "items": ref("B")},
        "B": {"anyOf": [ref("A"), {"type": "null"}]},
    }
    assert read(ref("A"), components) == {
        "type": "array",
        "items": {
            "anyOf": [
                {"type": "array", "description": "Another A, of the same form."},
                {"type": "null"},
            ]
        },
    }


def test_a_reference_that_is_only_itself_is_refused() -> None:
    error = mistake(ref("A"), {"A": ref("B"), "B": ref("A")})
    assert "refers to itself" in error.message


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere.example/schema.json",
        "file:///etc/passwd",
        "other.yaml#/Pet",
        "//elsewhere/x",
        "#",
        "#anchor",
        "",
    ],
)
def test_a_reference_out_of_the_document_is_refused(target: str) -> None:
    error = mistake({"$ref": target})
    assert error.param == f"{BODY}.$ref"
    assert "other documents are not loaded" in error.message


@pytest.mark.parametrize("target", ["#/components/schemas/No", "#/openapi/x", "#/servers/1"])
def test_a_reference_to_nothing_is_refused(target: str) -> None:
    assert mistake({"$ref": target}).message == f"{BODY}.$ref points to nothing in this document."


def test_a_reference_that_is_no_text_is_refused() -> None:
    assert mistake({"$ref": 7}).message == f"{BODY}.$ref must be a text."


def test_pointers_may_be_escaped() -> None:
    components = {"a/b~c d": {"type": "string"}}
    assert read({"$ref": "#/components/schemas/a~1b~0c%20d"}, components) == {"type": "string"}


def test_a_property_called_ref_is_a_property() -> None:
    schema = {"type": "object", "properties": {"$ref": {"type": "string"}}, "maxProperties": 1}
    assert read(schema) == schema


def test_a_reference_inside_of_data_is_data() -> None:
    schema = {"type": "object", "default": {"$ref": "https://x"}, "enum": [{"$ref": "#/no"}]}
    assert read(schema) == schema


def test_what_stands_beside_a_reference_counts_from_3_1_on() -> None:
    components = {"Name": {"type": "string", "description": "A name"}}
    described = {**ref("Name"), "description": "The owner"}
    assert read(described, components) == {"type": "string", "description": "The owner"}
    assert read({**ref("Name"), "maxLength": 3}, components) == {
        "allOf": [{"type": "string", "description": "A name"}, {"maxLength": 3}]
    }
    assert read(described, components, "3.0.3") == components["Name"]


def test_what_only_responses_have_is_left_out() -> None:
    schema = {
        "type": "object",
        "required": ["id", "name", "created"],
        "properties": {
            "id": {"type": "string", "readOnly": True},
            "created": ref("Time"),
            "name": {"type": "string"},
        },
    }
    components = {"Time": {"type": "string", "readOnly": True}}
    assert read(schema, components) == {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}},
    }


def test_words_that_only_openapi_knows_are_left_out() -> None:
    schema = {"type": "string", "xml": {}, "x-note": 1, "externalDocs": {}, "discriminator": {}}
    assert read(schema) == {"type": "string"}


def test_schemas_of_3_0_become_json_schemas() -> None:
    schema = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "size": {"type": "integer", "minimum": 1, "exclusiveMinimum": True, "maximum": 9},
                "open": {"type": "integer", "maximum": 9, "exclusiveMaximum": False},
                "kind": {"type": "string", "enum": ["a"], "nullable": True, "example": "a"},
                "any": {"allOf": [{"type": "string"}], "nullable": True},
                "both": {"type": "string", "enum": ["a", None], "nullable": True},
            },
        },
    }
    assert read(schema, version="3.0.4")["items"]["properties"] == {
        "size": {"type": "integer", "exclusiveMinimum": 1, "maximum": 9},
        "open": {"type": "integer", "maximum": 9},
        "kind": {"type": ["string", "null"], "enum": ["a", None], "examples": ["a"]},
        "any": {"anyOf": [{"allOf": [{"type": "string"}]}, {"type": "null"}]},
        "both": {"type": ["string", "null"], "enum": ["a", None]},
    }


def test_boolean_schemas_are_understood() -> None:
    schema = {"type": "array", "items": True, "contains": False, "unevaluatedItems": False}
    assert read(schema) == {
        "type": "array",
        "items": {},
        "contains": {"not": {}},
        "unevaluatedItems": False,
    }


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"type": "text"}, ".type"),
        ({"type": ["string", "text"]}, ".type[1]"),
        ({"type": 7}, ".type"),
        ({"required": True}, ".required"),
        ({"required": [7]}, ".required[0]"),
        ({"enum": "a"}, ".enum"),
        ({"description": 7}, ".description"),
        ({"properties": []}, ".properties"),
        ({"properties": {"a": "string"}}, ".properties.a"),
        ({"allOf": {}}, ".allOf"),
        ({"items": {"items": 7}}, ".items.items"),
        ({"$dynamicRef": "#x"}, ".$dynamicRef"),
        ({"default": [float("nan")]}, ".default"),
    ],
)
def test_what_is_no_schema_is_refused_with_its_place(schema: Any, place: str) -> None:
    assert mistake(schema).param == BODY + place


def test_a_schema_that_is_nested_too_deep_is_cut() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(60):
        schema = {"type": "array", "description": "A list.", "items": schema}
    kept, levels = read(schema), 0
    while "items" in kept:
        kept, levels = kept["items"], levels + 1
    assert kept == {"type": "array", "description": "A list."}
    assert levels == 12


def test_data_that_is_nested_too_deep_is_refused() -> None:
    value: list[Any] = []
    for _ in range(60):
        value = [value]
    assert "levels deep" in mistake({"default": value}).message


def test_references_that_unfold_to_gigabytes_are_cut_quickly() -> None:
    components: dict[str, Any] = {"L0": {"type": "string", "example": "x"}}
    for level in range(1, 13):
        inner = ref(f"L{level - 1}")
        components[f"L{level}"] = {
            "type": "object",
            "title": f"Level {level}",
            "properties": dict.fromkeys("abcdefghij", inner),
        }
    started = time.process_time()
    kept = read(ref("L12"), components)
    assert time.process_time() - started < 5
    assert kept["properties"]["a"]["properties"]["j"]["properties"]["b"] == {
        "type": "object",
        "description": "Level 9",
    }


def test_what_is_cut_keeps_its_leaves_and_follows_its_references() -> None:
    wide = {f"p{number}": {"type": "string", "description": "x" * 60} for number in range(1_700)}
    components = {
        "Wide": {"type": "object", "properties": wide, "description": "Wide."},
        "Leaf": {"enum": ["a", "b"]},
        "Alias": ref("Wide"),
        "Middle": {
            "type": "object",
            "properties": {
                "leaf": ref("Leaf"),
                "wide": ref("Alias"),
                "more": ref("Wide"),
                "union": {"anyOf": [ref("Wide"), ref("Leaf")]},
            },
        },
    }
    top = {"type": "object", "properties": {"a": {"properties": {"b": {"items": ref("Middle")}}}}}
    middle = read(top, components)["properties"]["a"]["properties"]["b"]["items"]
    named = {"type": "object", "description": "Wide."}
    assert middle["properties"] == {
        "leaf": {"enum": ["a", "b"]},
        "wide": named,
        "more": named,
        "union": {"anyOf": [named, {"enum": ["a", "b"]}]},
    }


def test_a_schema_that_is_too_large_at_its_top_is_refused() -> None:
    large = {"type": "object", "properties": {f"p{number}": {} for number in range(6_000)}}
    assert "more than 5,000 values" in mistake(large).message


def test_work_that_is_thrown_away_is_limited_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemas, "_MOST_WORK", 40_000)
    components: dict[str, Any] = {"L0": {"type": "string"}}
    for level in range(1, 13):
        inner = ref(f"L{level - 1}")
        components[f"L{level}"] = {"properties": dict.fromkeys("abcdefghij", inner)}
    whole = document(ref("L12"), components)
    operation = whole["paths"]["/x"]["post"]

    def times(count: int) -> Any:
        paths = {f"/{number}": {"post": operation} for number in range(count)}
        return {**whole, "paths": paths}

    assert len(parse_document(times(3)).operations) == 3
    # What is kept of each is some hundred values: the limit of a document is far.
    with pytest.raises(InvalidDocument, match="choose among its operations"):
        parse_document(times(20))


def test_a_document_is_limited_as_a_whole() -> None:
    large = {"type": "object", "properties": {f"p{number}": {} for number in range(4_000)}}
    whole = document(ref("Large"), {"Large": large})
    operation = whole["paths"]["/x"]["post"]
    whole["paths"] = {f"/{number}": {"post": operation} for number in range(100)}
    with pytest.raises(InvalidDocument, match="exceed 100,000 values"):
        parse_document(whole)


@pytest.mark.parametrize(
    "schema",
    [
        {"description": "x" * 1_000_000},
        {"enum": [{"k" * 1_000_000: 1}]},
        {"properties": {"k" * 1_000_000: {}}},
    ],
)
def test_a_long_text_counts_as_many_values(schema: Any) -> None:
    assert "more than 5,000 values" in mistake(schema).message


def test_the_schema_for_the_model_says_what_the_document_says() -> None:
    schema = {
        "type": "object",
        "required": ["tags"],
        "properties": {
            "tags": {"type": "array", "items": ref("Tag"), "maxItems": 2},
            "n": {"type": "integer", "minimum": 0},
        },
    }
    (operation,) = parse_document(document(schema, {"Tag": {"enum": ["x", "y"]}})).operations
    validator = Draft202012Validator(json.loads(json.dumps(operation.json_schema())))
    assert validator.is_valid({"tags": ["x", "y"], "n": 0})
    for wrong in ({}, {"tags": ["z"]}, {"tags": [], "n": -1}, {"tags": [], "more": 1}):
        assert not validator.is_valid(wrong)
