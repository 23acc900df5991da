"""Parameters and bodies of an operation, as far as a request can be built from them."""

import re
from collections import Counter
from typing import get_args

from core.openapi.names import cut
from core.openapi.nodes import JsonObject, Node, References
from core.openapi.operation import Location, MediaType, Parameter, RequestBody, Style
from core.openapi.schemas import SchemaReader

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}\Z")  # RFC 9110, section 5.6.2
_LONGEST_NAME = 256
_MOST_PARAMETERS = 200

# OpenAPI, "Parameter Object": definitions of these headers are ignored. The idempotency key is
# ours to choose: it must be the same when the same call is sent again.
_IGNORED_HEADERS = frozenset({"accept", "content-type", "idempotency-key"})
# They frame the message, route it, carry credentials, or rewrite its method or path on the way.
_REFUSED_HEADERS = frozenset(
    [
        "accept-encoding",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "http2-settings",
        "keep-alive",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-original-host",
        "x-original-url",
        "x-real-ip",
        "x-rewrite-url",
    ]
)
_REFUSED_HEADER_PREFIXES = ("proxy-", "sec-", "x-forwarded-")

_LOCATIONS: tuple[Location, ...] = get_args(Location)
_STYLES: dict[Location, tuple[Style, ...]] = {
    "path": ("simple",),
    "header": ("simple",),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
}
_MEDIA_TYPES: tuple[MediaType, ...] = get_args(MediaType)
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


class ParameterReader:
    """Reads the parameters and bodies of one document.

    Args:
        references: of the document.
        schemas: of the document.
    """

    def __init__(self, references: References, schemas: SchemaReader) -> None:
        self._references = references
        self._schemas = schemas

    def parameters(self, levels: list[Node]) -> tuple[Parameter, ...]:
        """Return the parameters of an operation.

        Args:
            levels: its path item, then itself, whose parameters override those of the path.

        Raises:
            InvalidDocument: one of them is wrong, or of a kind that is not supported.
        """
        found: dict[tuple[str, str], Node] = {}
        for level in levels:
            for key, node in self._of_level(level).items():
                found[key] = node
        if len(found) > _MOST_PARAMETERS:
            raise levels[-1].mistake(f"must have at most {_MOST_PARAMETERS} parameters")
        names = Counter(name for name, _ in found)
        read = []
        for (name, location), node in found.items():
            argument = name if names[name] == 1 else f"{location}_{name}"
            parameter = self._parameter(node, name, location, argument)
            if parameter is not None:
                read.append(parameter)
        _refuse_twins(levels[-1], read)
        return tuple(read)

    def _of_level(self, level: Node) -> dict[tuple[str, str], Node]:
        listed = level.child("parameters")
        found: dict[tuple[str, str], Node] = {}
        for item in [] if listed is None else listed.items():
            node = self._references.resolve(item)
            key = (node.required("name").text(), node.required("in").text())
            if key in found:
                raise item.mistake(f"describes the parameter {key[0]!r} a second time")
            found[key] = node
        return found

    def _parameter(self, node: Node, name: str, where: str, argument: str) -> Parameter | None:
        location = _location(node, where)
        if not 0 < len(name) <= _LONGEST_NAME:
            raise node.required("name").mistake(
                f"must have between 1 and {_LONGEST_NAME} characters"
            )
        if location == "header" and _is_ignored_header(node, name):
            return None
        required = node.boolean_at("required")
        if location == "path" and not required:
            raise node.mistake("is a path parameter, so its `required` must be true")
        style, explode, schema = self._form(node, location)
        description = cut(node.text_at("description").strip())
        return Parameter(
            name=name,
            argument=argument,
            location=location,
            required=required,
            schema={**schema, "description": description} if description else schema,
            style=style,
            explode=explode,
        )

    def _form(self, node: Node, location: Location) -> tuple[Style, bool, JsonObject]:
        content = node.child("content")
        if content is not None:
            _, described = _media_type(content, ("application/json",))
            return "json", False, self._schemas.read(described.required("schema"))
        style = _style(node, location)
        explode = node.boolean_at("explode", default=style in ("form", "deepObject"))
        if style == "deepObject" and not explode:
            raise node.required("explode").mistake("must be true with the style deepObject")
        return style, explode, self._schemas.read(node.required("schema"))

    def body(self, operation: Node, parameters: tuple[Parameter, ...]) -> RequestBody | None:
        """Return the operation's body, or None if it has none.

        Raises:
            InvalidDocument: it is wrong, or in no media type that is supported.
        """
        found = operation.child("requestBody")
        if found is None:
            return None
        node = self._references.resolve(found)
        media_type, described = _media_type(node.required("content"), _MEDIA_TYPES)
        if media_type == "application/x-www-form-urlencoded":
            _check_encoding(described)
        schema = self._schemas.read(described.required("schema"))
        taken = {parameter.argument for parameter in parameters}
        return RequestBody(
            media_type=media_type,
            schema=schema,
            required=node.boolean_at("required"),
            argument=None if _is_mergeable(schema, taken) else _free_name(taken),
        )


def _location(node: Node, where: str) -> Location:
    for location in _LOCATIONS:
        if where == location:
            return location
    if where == "cookie":
        raise node.required("in").mistake("must not be cookie: tools keep no cookies")
    raise node.required("in").mistake("must be one of path, query, header")


def _is_ignored_header(node: Node, name: str) -> bool:
    lowered = name.lower()
    if not _TOKEN.match(name):
        raise node.required("name").mistake("is not the name of a header")
    if lowered in _REFUSED_HEADERS or lowered.startswith(_REFUSED_HEADER_PREFIXES):
        raise node.required("name").mistake(
            f"must not be {name}: a tool's arguments may not set this header"
        )
    return lowered in _IGNORED_HEADERS


def _refuse_twins(operation: Node, parameters: list[Parameter]) -> None:
    """Refuse two parameters that would overwrite each other in the request or for the model."""
    seen: set[str] = set()
    for parameter in parameters:
        # Header names are case-insensitive (RFC 9110, section 5.1).
        key = f"header {parameter.name.lower()}" if parameter.location == "header" else ""
        for name in (key, f"argument {parameter.argument}"):
            if name and name in seen:
                raise operation.mistake(
                    f"has more than one parameter that is called {parameter.name!r}"
                )
            seen.add(name)


def _style(node: Node, location: Location) -> Style:
    allowed = _STYLES[location]
    given = node.child("style")
    for style in allowed:
        if given is None or given.text() == style:
            return style
    raise node.required("style").mistake(
        f"must be one of {', '.join(allowed)} for a {location} parameter"
    )


def _media_type(content: Node, supported: tuple[MediaType, ...]) -> tuple[MediaType, Node]:
    """Return the first of the supported media types that the content describes."""
    described = {key.split(";")[0].strip().lower(): node for key, node in content.children()}
    for media_type in supported:
        if media_type in described:
            return media_type, described[media_type]
    raise content.mistake(f"must describe {' or '.join(supported)}")


def _check_encoding(described: Node) -> None:
    """Refuse forms that are written otherwise than `a=1&a=2`."""
    encoding = described.child("encoding")
    for _, node in [] if encoding is None else encoding.children():
        if node.text_at("style", "form") != "form" or not node.boolean_at("explode", default=True):
            raise node.mistake("is not supported: only the style form with explode is")


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
