"""Bodies of operations: JSON, or the fields of a form."""

import re
from typing import Final

from core.openapi.nodes import JsonObject, Node, References
from core.openapi.operation import FORM, Parameter, RequestBody
from core.openapi.schemas import SchemaReader

JSON: Final = "application/json"
# JSON under another name (RFC 6839, section 3.1), as in application/merge-patch+json.
_JSON_TYPE = re.compile(r"application/[a-z0-9!#$&^_.+-]{1,100}\+json")
# A body whose schema says more than this is one argument, because its properties alone would not.
_MERGEABLE = frozenset(
    [
        "additionalProperties",
        "default",
        "deprecated",
        "description",
        "examples",
        "properties",
        "required",
        "title",
        "type",
    ]
)


class BodyReader:
    """Reads the bodies of one document.

    Args:
        references: of the document.
        schemas: of the document.
    """

    def __init__(self, references: References, schemas: SchemaReader) -> None:
        self._references = references
        self._schemas = schemas

    def body(self, operation: Node, parameters: tuple[Parameter, ...]) -> RequestBody | None:
        """Return the operation's body, or None if it has none.

        Raises:
            InvalidDocument: it is wrong, or in no media type that is supported.
        """
        found = operation.child("requestBody")
        if found is None:
            return None
        node = self._references.resolve(found)
        media_type, described = _media_type(node.required("content"))
        deep = _deep_properties(described) if media_type == FORM else ()
        schema = self._schemas.read(described.required("schema"))
        taken = {parameter.argument for parameter in parameters}
        return RequestBody(
            media_type=media_type,
            schema=schema,
            required=node.boolean_at("required"),
            argument=None if _is_mergeable(schema, taken) else _free_name(taken),
            deep=deep,
        )


def json_content(content: Node) -> Node | None:
    """Return what a content describes as `application/json`, or None."""
    return _by_type(content).get(JSON)


def _by_type(content: Node) -> dict[str, Node]:
    return {key.split(";")[0].strip().lower(): node for key, node in content.children()}


def _media_type(content: Node) -> tuple[str, Node]:
    """Return the media type that requests are written in, and its description."""
    described = _by_type(content)
    for media_type in (JSON, FORM, *filter(_JSON_TYPE.fullmatch, described)):
        if media_type in described:
            return media_type, described[media_type]
    for anything in ("application/*", "*/*"):
        if anything in described:
            return JSON, described[anything]
    raise content.mistake(f"must describe {JSON} or {FORM}")


def _deep_properties(described: Node) -> tuple[str, ...]:
    """Return the properties of a form that are written as `a[b]=1`; all others are `a=1&a=2`."""
    deep: list[str] = []
    encoding = described.child("encoding")
    for name, node in [] if encoding is None else encoding.children():
        style = node.text_at("style", "form")
        if style not in ("form", "deepObject") or not node.boolean_at("explode", default=True):
            raise node.mistake(
                "is not supported: only the styles form and deepObject with explode are"
            )
        if style == "deepObject":
            deep.append(name)
    return tuple(deep)


def _is_mergeable(schema: JsonObject, taken: set[str]) -> bool:
    """Return whether the body's properties can stand beside the parameters."""
    properties = schema.get("properties")
    return (
        schema.get("type", "object") == "object"
        and isinstance(properties, dict)
        and bool(properties)
        and schema.get("additionalProperties", False) is False
        and schema.keys() <= _MERGEABLE
        and set(_names(schema.get("required"))) <= properties.keys()
        and not taken & properties.keys()
    )


def _names(required: object) -> list[str]:
    return required if isinstance(required, list) else []


def _free_name(taken: set[str]) -> str:
    name = "body"
    while name in taken:
        name = f"request_{name}"
    return name
