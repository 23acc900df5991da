"""Requests from a model's arguments.

The arguments are data, chosen by a model that may have read anything: they fill the places that the
document leaves for them and reach nothing else of the request. In particular no argument changes
the scheme, the host, the port, the fixed parts of the path, or the number of its segments.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlencode

from core.openapi.errors import InvalidArguments
from core.openapi.nodes import JsonObject
from core.openapi.operation import FORM, Operation, Parameter, RequestBody
from core.openapi.styles import (
    Pair,
    checked_unicode,
    deep_pairs,
    is_given,
    json_text,
    percent_encoded,
    query_pairs,
    scalar_text,
    simple,
)

LONGEST_URL = 8_192
LONGEST_HEADER = 4_096

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_DECODINGS = 3


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request that is ready to be sent. Its text form shows nothing that could be secret.

    Attributes:
        method: in capitals.
        url: absolute, in ASCII.
        headers: without those that frame the message; whoever sends it adds them.
        body: None if the request has none.
        withheld: texts in it that no redirect may take to another origin.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    withheld: tuple[str, ...] = field(default=(), repr=False)


def build_request(operation: Operation, arguments: JsonObject) -> PreparedRequest:
    """Return the request of one call.

    Args:
        operation: what is called.
        arguments: by name, as `Operation.json_schema` describes them.

    Raises:
        InvalidArguments: one is missing, unknown, or cannot stand where it belongs.
    """
    _refuse_unknown(operation, arguments)
    given = {
        parameter.name: (parameter, arguments[parameter.argument])
        for parameter in operation.parameters
        if parameter.location == "path" and parameter.argument in arguments
    }
    _refuse_missing(operation.parameters, arguments)
    path = _PLACEHOLDER.sub(lambda match: _path_value(*given[match[1]]), operation.path)
    query = "&".join(f"{name}={value}" for name, value in _query(operation.parameters, arguments))
    url = operation.server_url + path + (f"?{query}" if query else "")
    if len(url) > LONGEST_URL:
        raise InvalidArguments(
            f"The arguments make a URL of more than {LONGEST_URL:,} characters; shorten them."
        )
    headers = {"Accept": "application/json, */*;q=0.8", **_headers(operation, arguments)}
    body = None if operation.body is None else _body(operation.body, arguments)
    if operation.body is not None and body is not None:
        headers["Content-Type"] = operation.body.media_type
    return PreparedRequest(operation.method, url, headers, body)


def _refuse_unknown(operation: Operation, arguments: JsonObject) -> None:
    known = [parameter.argument for parameter in operation.parameters]
    if operation.body is not None:
        body = operation.body
        known.extend(body.properties() if body.argument is None else [body.argument])
    unknown = [name for name in arguments if name not in known]
    if unknown:
        names = ", ".join(repr(name) for name in known)
        raise InvalidArguments(
            f"There is no argument {unknown[0][:100]!r}; "
            + (f"the arguments are {names}." if known else "this function takes no arguments.")
        )


def _refuse_missing(parameters: tuple[Parameter, ...], arguments: JsonObject) -> None:
    for parameter in parameters:
        if parameter.required and not is_given(arguments.get(parameter.argument)):
            raise InvalidArguments(f"The argument {parameter.argument!r} is required.")


def _path_value(parameter: Parameter, value: object) -> str:
    return simple(parameter, value, lambda text: _path_text(parameter.argument, text))


def _path_text(argument: str, text: str) -> str:
    if text == "":
        raise InvalidArguments(f"The argument {argument!r} must not be empty.")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise InvalidArguments(f"The argument {argument!r} must not hold control characters.")
    if _climbs(text):
        # Nor can values climb together, as in `/{a}{b}`: neither of them may be a dot.
        raise InvalidArguments(f"The argument {argument!r} must not be or hold a '.' or '..' step.")
    return percent_encoded(text)


def _climbs(text: str) -> bool:
    """Return whether some server could read the text as a step to another folder.

    Percent-encoding alone is enough for whoever follows the standard. It is not for the proxies
    that decode `%2F` before they route, decode twice, take a backslash for a slash, cut a segment
    at its first semicolon, or normalise Unicode, for which `U+FF0E` is a dot.
    """
    for _ in range(_DECODINGS):
        text = unicodedata.normalize("NFKC", text)
        steps = (step.partition(";")[0] for step in re.split(r"[/\\]", text))
        if any(step in (".", "..") for step in steps):
            return True
        text = unquote(text)
    return False


def _query(parameters: tuple[Parameter, ...], arguments: JsonObject) -> list[Pair]:
    names = {percent_encoded(one.name) for one in parameters if one.location == "query"}
    pairs: list[Pair] = []
    for parameter in parameters:
        value = arguments.get(parameter.argument)
        if parameter.location != "query" or not is_given(value):
            continue
        written = query_pairs(parameter, value)
        own = percent_encoded(parameter.name)
        if any(name != own and name in names for name, _ in written):
            # An exploded object brings its own names, which must not pose as other parameters.
            raise InvalidArguments(
                f"The argument {parameter.argument!r} must not hold the name of another argument."
            )
        pairs.extend(written)
    return pairs


def _headers(operation: Operation, arguments: JsonObject) -> dict[str, str]:
    return {
        parameter.name: _header_value(parameter, arguments[parameter.argument])
        for parameter in operation.parameters
        if parameter.location == "header" and is_given(arguments.get(parameter.argument))
    }


def _header_value(parameter: Parameter, value: object) -> str:
    text = simple(parameter, value, str).strip(" ")
    if not text.isascii() or not text.isprintable():
        raise InvalidArguments(
            f"The argument {parameter.argument!r} is sent as a header, so it may hold only "
            "printable ASCII characters."
        )
    if len(text) > LONGEST_HEADER:
        raise InvalidArguments(
            f"The argument {parameter.argument!r} is sent as a header, so it may have at most "
            f"{LONGEST_HEADER:,} characters."
        )
    return text


def _body(body: RequestBody, arguments: JsonObject) -> bytes | None:
    if body.argument is not None:
        if body.argument not in arguments:
            if body.required:
                raise InvalidArguments(f"The argument {body.argument!r} is required.")
            return None
        return _written(body, arguments[body.argument], body.argument)
    fields = _merged_fields(body, arguments)
    if not fields and not body.required:
        return None
    for name in body.required_properties():
        if name not in fields:
            raise InvalidArguments(f"The argument {name!r} is required.")
    return _written(body, fields, "body")


def _merged_fields(body: RequestBody, arguments: JsonObject) -> JsonObject:
    """Return the body's properties that a call gives.

    Models write null for what they leave out, so a null that the schema does not allow is left out
    of the request, too.
    """
    return {
        name: arguments[name]
        for name, schema in body.properties().items()
        if name in arguments and (arguments[name] is not None or _allows_null(schema))
    }


def _allows_null(schema: JsonObject) -> bool:
    kind = schema.get("type", "null")
    return kind == "null" or (isinstance(kind, list) and "null" in kind)


def _written(body: RequestBody, value: object, argument: str) -> bytes:
    if body.media_type != FORM:
        return json_text(value, argument).encode()
    if not isinstance(value, dict):
        raise InvalidArguments(f"The argument {argument!r} must be an object.")
    fields = [pair for name, item in value.items() for pair in _form(body, name, item)]
    return urlencode(fields).encode()


def _form(body: RequestBody, name: str, value: object) -> list[Pair]:
    """Return a property as fields of a form: a list repeats its name, an object is JSON."""
    name = checked_unicode(name, "body")
    if name in body.deep:
        return deep_pairs(name, value, name)
    if isinstance(value, list):
        return [pair for item in value for pair in _form_field(name, item)]
    return _form_field(name, value)


def _form_field(name: str, value: object) -> list[Pair]:
    if value is None:
        return []
    if isinstance(value, dict | list):
        return [(name, json_text(value, name))]
    return [(name, scalar_text(value, name))]
