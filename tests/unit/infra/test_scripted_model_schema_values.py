"""Values that are made up to fit a schema."""

from typing import Any

import jsonschema
import pytest

from infra.local.scripted_model.schema_values import make_arguments, make_value

SCHEMAS: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "string", "minLength": 20},
    {"type": "string", "maxLength": 3},
    {"type": "string", "format": "date-time"},
    {"type": "integer"},
    {"type": "integer", "minimum": 5},
    {"type": "integer", "exclusiveMinimum": 5},
    {"type": "number", "maximum": -2},
    {"type": "boolean"},
    {"type": "null"},
    {"type": ["null", "integer"]},
    {"enum": ["b", "a"]},
    {"const": {"a": 1}},
    {"type": "integer", "default": 9},
    {"type": "string", "pattern": "^x$", "examples": ["x"]},
    {"type": "array"},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2},
    {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    {"oneOf": [{"type": "boolean"}, {"type": "string"}]},
    {"allOf": [{"$ref": "#/$defs/a~1b"}], "$defs": {"a/b": {"type": "integer", "minimum": 3}}},
    {"properties": {"a": {"type": "string"}}, "required": ["a"]},
    {
        "type": "object",
        "properties": {
            "place": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "zip": {"type": "string"}},
                "required": ["city"],
            },
            "days": {"type": "integer", "minimum": 1},
            "note": {"type": "string"},
        },
        "required": ["place", "days"],
        "additionalProperties": False,
    },
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_value_fits_its_schema(schema: dict[str, Any]) -> None:
    jsonschema.validate(make_value(schema), schema)


def test_only_required_properties_are_made() -> None:
    assert make_value(SCHEMAS[-1]) == {"place": {"city": "example"}, "days": 1}


def test_arguments_are_always_an_object() -> None:
    assert make_arguments(None) == {}
    assert make_arguments({}) == {}
    assert make_arguments({"type": "string"}) == {}
    assert make_arguments({"type": "object", "required": ["unknown"]}) == {"unknown": None}


def test_a_schema_that_refers_to_itself_comes_to_an_end() -> None:
    endless = {
        "type": "object",
        "properties": {"again": {"$ref": "#"}},
        "required": ["again"],
    }

    assert "again" in make_arguments(endless)
    assert make_value({"$ref": "#"}) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/missing"},
        {"type": "object", "properties": [], "required": {}},
        {"type": "integer", "minimum": float("inf")},
        {"type": "string", "minLength": "long"},
        {"type": "strange"},
        {"anyOf": []},
    ],
)
def test_a_schema_that_makes_no_sense_does_no_harm(schema: dict[str, Any]) -> None:
    make_value(schema)


def test_a_schema_cannot_demand_a_huge_value() -> None:
    assert len(str(make_value({"type": "string", "minLength": 10**9}))) <= 1_000
    made = make_value({"type": "array", "items": {"type": "integer"}, "minItems": 10**9})
    assert isinstance(made, list)
    assert len(made) <= 100
