"""Schemas of a document as the JSON Schemas that a model is given: self-contained and finite."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from core.openapi.errors import TooLarge
from core.openapi.names import cut
from core.openapi.nodes import JsonObject, Node, References, pointer_of

_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_DEEPEST = 48
# Where schemas may be cut, tried in this order: the first leaves them whole.
DEPTHS: Final = (_DEEPEST, 12, 8, 6, 4, 3)
_LARGEST_SCHEMA = 5_000
_LARGEST_DOCUMENT = 100_000
# Values that are looked at for a document, with what is thrown away when a schema is cut.
_MOST_WORK = 250_000
# So many characters of text count as one more value.
_TEXT_UNIT = 64
_LONGEST_NAME_SHOWN = 64

_ONE_SCHEMA = frozenset(
    [
        "additionalProperties",
        "contains",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    ]
)
_SCHEMA_OR_BOOLEAN = frozenset(
    {"additionalProperties", "unevaluatedItems", "unevaluatedProperties"}
)
_LIST_OF_SCHEMAS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SCHEMA_BY_NAME = frozenset({"dependentSchemas", "patternProperties", "properties"})
_NESTING = _ONE_SCHEMA | _LIST_OF_SCHEMAS | _SCHEMA_BY_NAME
_ANNOTATIONS = frozenset({"default", "deprecated", "description", "examples", "title"})
# Their values are data: a `$ref` in an enum or a default is just text.
_DATA = _ANNOTATIONS | frozenset(
    [
        "const",
        "contentEncoding",
        "contentMediaType",
        "dependentRequired",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "maxContains",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minContains",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "pattern",
        "required",
        "type",
        "uniqueItems",
    ]
)
# Keywords that point elsewhere in ways that need a full JSON Schema implementation.
_REFUSED = frozenset({"$dynamicRef", "$recursiveRef"})


class SchemaReader:
    """Inlines the references of schemas; where a schema contains itself, the copy ends there.

    One reader serves one document, because the size of everything that it returns is limited: a
    few lines of schemas that refer to each other can otherwise unfold to gigabytes.

    Args:
        references: of the document.
        is_3_0: the document is OpenAPI 3.0, whose schemas are not quite JSON Schemas.
    """

    def __init__(self, references: References, *, is_3_0: bool) -> None:
        self._references = references
        self._is_3_0 = is_3_0
        self._left_in_document = _LARGEST_DOCUMENT
        self._left_in_schema = 0
        self._work_left = _MOST_WORK
        self._cut_at = _DEEPEST

    @property
    def is_exhausted(self) -> bool:
        """Whether the document is too large for any further schema of it to be read."""
        return self._left_in_document < 0 or self._work_left < 0

    @contextmanager
    def cut_at(self, depth: int) -> Iterator[None]:
        """Have schemas end at a depth: what is nested further is only named.

        What is read until TooLarge is raised does not count for the size of the document.
        """
        before = self._left_in_document
        self._cut_at = depth
        try:
            yield
        except TooLarge:
            if not self.is_exhausted:
                self._left_in_document = before
            raise

    def read(self, node: Node) -> JsonObject:
        """Return the schema at the node, without references.

        Raises:
            InvalidDocument: it is not a schema, or it becomes too large or too deep.
        """
        self._left_in_schema = _LARGEST_SCHEMA
        return self._read(node, (), 0)

    def _read(self, node: Node, inside: tuple[str, ...], depth: int) -> JsonObject:
        self._spend(node, depth)
        if isinstance(node.value, bool):
            # JSON Schema 2020-12, section 4.3.2: true allows everything, false nothing.
            return {} if node.value else {"not": {}}
        if depth >= self._cut_at < _DEEPEST:
            end = self._references.resolve(node)
            if not _NESTING.isdisjoint(end.fields()):
                return _named_only(end)
        pointer = pointer_of(node)
        if pointer is None:
            return self._read_keywords(node, inside, depth)
        if pointer in inside:
            return _where_it_contains_itself(self._references.resolve(node), pointer)
        target = self._read(self._references.target(node, pointer), (*inside, pointer), depth + 1)
        return self._with_siblings(node, target, inside, depth)

    def _with_siblings(
        self, node: Node, target: JsonObject, inside: tuple[str, ...], depth: int
    ) -> JsonObject:
        """Return the target of a reference with what is written beside the `$ref`."""
        siblings = {key: value for key, value in node.fields().items() if key != "$ref"}
        if self._is_3_0 or not siblings:
            # OpenAPI 3.0.4, Reference Object: "any properties added SHALL be ignored".
            return target
        beside = self._read_keywords(Node(siblings, node.path), inside, depth)
        if beside.keys() <= _ANNOTATIONS:
            return {**target, **beside}
        return {"allOf": [target, beside]}

    def _read_keywords(self, node: Node, inside: tuple[str, ...], depth: int) -> JsonObject:
        schema: JsonObject = {}
        for key, value in node.children():
            if key in _REFUSED:
                raise value.mistake("is not supported; use $ref")
            if key in ("example", "examples") and self._cut_at < _DEEPEST:
                continue
            if key in _DATA or key == "example":
                self._spend_on_data(value, depth + 1)
                schema[key] = value.value
            elif key in _ONE_SCHEMA:
                is_boolean = key in _SCHEMA_OR_BOOLEAN and isinstance(value.value, bool)
                schema[key] = value.value if is_boolean else self._read(value, inside, depth + 1)
            elif key in _LIST_OF_SCHEMAS:
                schema[key] = [self._read(item, inside, depth + 1) for item in value.items()]
            elif key in _SCHEMA_BY_NAME:
                schema[key] = self._read_named(value, inside, depth)
        _check_shapes(node)
        self._drop_what_only_responses_have(node, schema)
        if self._is_3_0:
            return _as_json_schema(node, schema)
        schema.pop("example", None)
        return schema

    def _read_named(self, node: Node, inside: tuple[str, ...], depth: int) -> JsonObject:
        schemas: JsonObject = {}
        for name, item in node.children():
            self._spend_on_text(item, name)
            schemas[name] = self._read(item, inside, depth + 1)
        return schemas

    def _drop_what_only_responses_have(self, node: Node, schema: JsonObject) -> None:
        """Take away the properties that are `readOnly`: a request should not send them."""
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return
        read_only = {
            name
            for name, item in node.required("properties").children()
            if self._is_read_only(item)
        }
        schema["properties"] = {
            name: item for name, item in properties.items() if name not in read_only
        }
        required = schema.get("required")
        if isinstance(required, list):
            schema["required"] = [name for name in required if name not in read_only]

    def _is_read_only(self, node: Node) -> bool:
        if isinstance(node.value, dict) and node.value.get("readOnly") is True:
            return True
        end = self._references.resolve(node).value
        return isinstance(end, dict) and end.get("readOnly") is True

    def _spend_on_data(self, node: Node, depth: int) -> None:
        waiting = [(node.value, depth)]
        while waiting:
            value, level = waiting.pop()
            self._spend(node, level)
            if isinstance(value, str):
                self._spend_on_text(node, value)
            elif isinstance(value, dict):
                waiting.extend((item, level + 1) for pair in value.items() for item in pair)
            elif isinstance(value, list):
                waiting.extend((item, level + 1) for item in value)
            elif isinstance(value, float) and not math.isfinite(value):
                raise node.mistake("holds a number that JSON cannot write")

    def _spend_on_text(self, node: Node, text: str) -> None:
        if len(text) >= _TEXT_UNIT:
            self._spend(node, 0, len(text) // _TEXT_UNIT)

    def _spend(self, node: Node, depth: int, amount: int = 1) -> None:
        if depth > _DEEPEST:
            raise node.mistake(f"is nested more than {_DEEPEST} levels deep", TooLarge)
        self._left_in_schema -= amount
        self._left_in_document -= amount
        self._work_left -= amount
        if self._left_in_schema < 0:
            raise node.mistake(
                f"belongs to a schema of more than {_LARGEST_SCHEMA:,} values, counting each "
                "reference as a copy",
                TooLarge,
            )
        if self.is_exhausted:
            raise node.mistake(
                f"makes the schemas of this document exceed {_LARGEST_DOCUMENT:,} values, counting "
                "each reference as a copy: choose among its operations",
                TooLarge,
            )


def _named_only(end: Node) -> JsonObject:
    """Return what stands for a schema that is cut off."""
    _check_shapes(end)
    kept: JsonObject = {}
    kind = end.fields().get("type")
    if kind is not None:
        kept["type"] = kind
    text = end.text_at("description") or end.text_at("title")
    return {**kept, "description": cut(text)} if text else kept


def _where_it_contains_itself(target: Node, pointer: str) -> JsonObject:
    name = pointer.rsplit("/", 1)[-1][:_LONGEST_NAME_SHOWN]
    stand_in: JsonObject = {"description": f"Another {name}, of the same form."}
    kind = target.fields().get("type")
    return {"type": kind, **stand_in} if isinstance(kind, str) else stand_in


def _check_shapes(node: Node) -> None:
    """Refuse what no validator and no model could read."""
    kind = node.child("type")
    if kind is not None:
        names = kind.items() if isinstance(kind.value, list) else [kind]
        for name in names:
            if name.text() not in _TYPES:
                raise name.mistake("must be one of " + ", ".join(sorted(_TYPES)))
    required = node.child("required")
    if required is not None:
        for item in required.items():
            item.text()
    for key in ("enum", "examples"):
        values = node.child(key)
        if values is not None:
            values.items()
    description = node.child("description")
    if description is not None:
        description.text()


def _as_json_schema(node: Node, schema: JsonObject) -> JsonObject:
    """Return a schema of OpenAPI 3.0 in JSON Schema's words (3.0.4, Schema Object)."""
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        flag = schema.get(exclusive)
        if isinstance(flag, bool):
            del schema[exclusive]
            if flag and limit in schema:
                schema[exclusive] = schema.pop(limit)
    if "example" in schema:
        schema.setdefault("examples", [schema.pop("example")])
    return _nullable(schema) if node.boolean_at("nullable") else schema


def _nullable(schema: JsonObject) -> JsonObject:
    kind = schema.get("type")
    if not isinstance(kind, str):
        return {"anyOf": [schema, {"type": "null"}]}
    schema["type"] = [kind, "null"]
    values = schema.get("enum")
    if isinstance(values, list) and None not in values:
        schema["enum"] = [*values, None]
    return schema
