"""Parameters of an operation, as far as a request can be built from them."""

import re
from collections import Counter
from typing import get_args

from core.openapi.bodies import JSON, json_content
from core.openapi.names import cut
from core.openapi.nodes import JsonObject, Node, References
from core.openapi.operation import Location, Parameter, Style
from core.openapi.schemas import SchemaReader

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}\Z")  # RFC 9110, section 5.6.2
_LONGEST_NAME = 256
_MOST_PARAMETERS = 200

# No arguments of a tool. OpenAPI says so of the first three ("Parameter Object"). The idempotency
# key is ours to choose: it must be the same when the same call is sent again. The others frame the
# message, route it, carry credentials, or rewrite its method or path on the way.
_IGNORED_HEADERS = frozenset(
    [
        "accept",
        "authorization",
        "content-type",
        "idempotency-key",
        "accept-encoding",
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
_IGNORED_HEADER_PREFIXES = ("proxy-", "sec-", "x-forwarded-")

_LOCATIONS: tuple[Location, ...] = get_args(Location)
_STYLES: dict[Location, tuple[Style, ...]] = {
    "path": ("simple",),
    "header": ("simple",),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
}


class ParameterReader:
    """Reads the parameters of one document.

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
        if where == "cookie" and not node.boolean_at("required"):
            return None
        location = _location(node, where)
        if not 0 < len(name) <= _LONGEST_NAME:
            raise node.required("name").mistake(
                f"must have between 1 and {_LONGEST_NAME} characters"
            )
        if location == "header" and _is_ignored_header(node, name):
            return None
        # OpenAPI demands that path parameters say so; not all documents do.
        required = location == "path" or node.boolean_at("required")
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
            described = json_content(content)
            if described is None:
                raise content.mistake(f"must describe {JSON}")
            return "json", False, self._schemas.read(described.required("schema"))
        style = _style(node, location)
        explode = node.boolean_at("explode", default=style in ("form", "deepObject"))
        if style == "deepObject" and not explode:
            raise node.required("explode").mistake("must be true with the style deepObject")
        return style, explode, self._schemas.read(node.required("schema"))


def _location(node: Node, where: str) -> Location:
    for location in _LOCATIONS:
        if where == location:
            return location
    if where == "cookie":
        raise node.required("in").mistake("must not be cookie if required: tools keep no cookies")
    raise node.required("in").mistake("must be one of path, query, header")


def _is_ignored_header(node: Node, name: str) -> bool:
    lowered = name.lower()
    if not _TOKEN.match(name):
        raise node.required("name").mistake("is not the name of a header")
    return lowered in _IGNORED_HEADERS or lowered.startswith(_IGNORED_HEADER_PREFIXES)


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
