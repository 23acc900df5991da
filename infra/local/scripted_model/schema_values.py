"""Values that fit a JSON Schema: the arguments of a call for which nobody gave any.

It knows the keywords that schemas of tools commonly use; it is not a solver. A value for a schema
with further constraints (`pattern`, `multipleOf`, …) may not satisfy them.
"""

from collections.abc import Callable, Mapping
from math import isfinite

Schema = Mapping[str, object]

_DEEPEST = 12  # A schema may refer to itself.

_STRINGS = {
    "date": "2026-01-15",
    "date-time": "2026-01-15T12:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def make_arguments(parameters: Schema | None) -> dict[str, object]:
    """Make arguments for a function: a value for each of its required parameters.

    Args:
        parameters: The function's `parameters`; None if it takes none.
    """
    made = make_value(parameters or {"type": "object"})
    return made if isinstance(made, dict) else {}


def make_value(schema: Schema) -> object:
    """Make a value that fits a schema."""
    return _make(schema, schema, 0)


def _make(schema: object, root: Schema, depth: int) -> object:
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return None
    if "const" in schema:
        return schema["const"]
    if "default" in schema:
        return schema["default"]
    for listed in ("enum", "examples"):
        values = schema.get(listed)
        if isinstance(values, list) and values:
            return values[0]
    inner = _follow(schema, root)
    if inner is not None:
        return _make(inner, root, depth + 1)
    return _MAKERS.get(_type_of(schema), _make_null)(schema, root, depth)


def _follow(schema: Schema, root: Schema) -> object:
    """Return the schema that this one stands for, or None if it stands for itself."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target: object = root
        for part in reference.removeprefix("#").split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            target = target.get(key) if isinstance(target, Mapping) else None
        return target
    for combination in ("anyOf", "oneOf", "allOf"):
        branches = schema.get(combination)
        if isinstance(branches, list) and branches:
            return branches[0]
    return None


def _type_of(schema: Schema) -> str:
    declared = schema.get("type")
    if isinstance(declared, list):
        declared = next((name for name in declared if name != "null"), "null")
    if isinstance(declared, str):
        return declared
    return "object" if "properties" in schema else "null"


def _make_object(schema: Schema, root: Schema, depth: int) -> object:
    required = schema.get("required")
    properties = schema.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    names = required if isinstance(required, list) else []
    return {str(name): _make(known.get(name, {}), root, depth + 1) for name in names}


def _make_array(schema: Schema, root: Schema, depth: int) -> object:
    count = min(_whole(schema.get("minItems"), 0), 100)
    return [_make(schema.get("items"), root, depth + 1) for _ in range(count)]


def _make_string(schema: Schema, _root: Schema, _depth: int) -> object:
    text = _STRINGS.get(str(schema.get("format")), "example")
    text = text.ljust(min(_whole(schema.get("minLength"), 0), 1_000), "x")
    return text[: _whole(schema.get("maxLength"), len(text))]


def _make_integer(schema: Schema, _root: Schema, _depth: int) -> object:
    if "exclusiveMinimum" in schema:
        return _whole(schema["exclusiveMinimum"], 0) + 1
    if "maximum" in schema:
        return _whole(schema.get("minimum"), _whole(schema["maximum"], 1))
    return _whole(schema.get("minimum"), 1)


def _make_boolean(_schema: Schema, _root: Schema, _depth: int) -> object:
    return True


def _make_null(_schema: Schema, _root: Schema, _depth: int) -> object:
    return None


def _whole(value: object, otherwise: int) -> int:
    return int(value) if isinstance(value, int | float) and isfinite(value) else otherwise


_MAKERS: dict[str, Callable[[Schema, Schema, int], object]] = {
    "object": _make_object,
    "array": _make_array,
    "string": _make_string,
    "integer": _make_integer,
    "number": _make_integer,
    "boolean": _make_boolean,
}
