"""How values are written into a URL or a header (OpenAPI, "Style Values").

Whatever stands for a value is percent-encoded down to RFC 3986's unreserved characters; only the
separators that a style itself puts between values are not. `allowReserved` is therefore not obeyed:
a service reads `%2F` as the slash that it stands for.
"""

import json
import math
from collections.abc import Callable
from urllib.parse import quote

from core.openapi.errors import InvalidArguments
from core.openapi.operation import Parameter

Encode = Callable[[str], str]
Scalar = str | int | float | bool
Pair = tuple[str, str]

# Python refuses to write integers of more than 4,300 digits, and no service reads them.
_LARGEST_INTEGER = 10**300
_DEEPEST_OBJECT = 16
_SEPARATORS = {"form": ",", "spaceDelimited": "%20", "pipeDelimited": "%7C"}


def is_given(value: object) -> bool:
    """Return whether an argument says something: null and the empty list or object do not."""
    return value is not None and value != [] and value != {}


def percent_encoded(text: str) -> str:
    """Return the text with everything but letters, digits and `-._~` percent-encoded."""
    return quote(text, safe="")


def scalar_text(value: object, argument: str) -> str:
    """Return a text, number or truth value as a URL or form writes it.

    Raises:
        InvalidArguments: the value is of another kind, or it is text that is not Unicode.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return checked_unicode(value, argument)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidArguments(f"The argument {argument!r} must be a finite number.")
        # Models write 5.0 for an integer, and few services read it as one.
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, int) and abs(value) < _LARGEST_INTEGER:
        return str(value)
    raise InvalidArguments(
        f"The argument {argument!r} may hold only texts, numbers and truth values."
    )


def checked_unicode(text: str, argument: str) -> str:
    """Return the text if UTF-8 can write it.

    Raises:
        InvalidArguments: it holds half of a surrogate pair, as JSON's "\\ud800" does.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidArguments(f"The argument {argument!r} is not Unicode text.") from None
    return text


def json_text(value: object, argument: str) -> str:
    """Return the value as compact JSON.

    Raises:
        InvalidArguments: it is not JSON, or it holds text that is not Unicode.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        raise InvalidArguments(f"The argument {argument!r} cannot be written as JSON.") from None
    return checked_unicode(text, argument)


def simple(parameter: Parameter, value: object, encode: Encode) -> str:
    """Return the value in the style `simple`: `a`, `a,b`, `k,v` or, exploded, `k=v`."""
    argument = parameter.argument
    if parameter.style == "json":
        return encode(json_text(value, argument))
    if isinstance(value, list):
        return ",".join(encode(scalar_text(item, argument)) for item in value)
    if isinstance(value, dict):
        between = "=" if parameter.explode else ","
        return ",".join(
            encode(scalar_text(key, argument)) + between + encode(scalar_text(item, argument))
            for key, item in value.items()
        )
    return encode(scalar_text(value, argument))


def query_pairs(parameter: Parameter, value: object) -> list[Pair]:
    """Return the value as names and values of a query, both percent-encoded."""
    name, argument = percent_encoded(parameter.name), parameter.argument
    if parameter.style == "json":
        return [(name, percent_encoded(json_text(value, argument)))]
    if parameter.style == "deepObject":
        pairs = deep_pairs(parameter.name, value, argument)
        return [(percent_encoded(key), percent_encoded(item)) for key, item in pairs]
    if isinstance(value, list):
        items = [percent_encoded(scalar_text(item, argument)) for item in value]
        if parameter.explode:
            return [(name, item) for item in items]
        return [(name, _SEPARATORS.get(parameter.style, ",").join(items))]
    if isinstance(value, dict):
        return _object_pairs(parameter, name, value)
    return [(name, percent_encoded(scalar_text(value, argument)))]


def deep_pairs(name: str, value: object, argument: str, depth: int = 0) -> list[Pair]:
    """Return the value in the style `deepObject`, not encoded: `a[b]=1`.

    OpenAPI defines it for scalars in objects. For what is nested further it is what services that
    use the style (Rails, PHP, qs) read: `a[b][c]=1`, `a[0]=1`.
    """
    if depth > _DEEPEST_OBJECT:
        raise InvalidArguments(f"The argument {argument!r} is nested too deeply.")
    if isinstance(value, dict):
        inner = [(scalar_text(key, argument), item) for key, item in value.items()]
    elif isinstance(value, list):
        inner = [(str(index), item) for index, item in enumerate(value)]
    else:
        return [] if value is None else [(name, scalar_text(value, argument))]
    return [
        pair
        for key, item in inner
        for pair in deep_pairs(f"{name}[{key}]", item, argument, depth + 1)
    ]


def _object_pairs(parameter: Parameter, name: str, value: dict[str, object]) -> list[Pair]:
    fields = [
        (
            percent_encoded(scalar_text(key, parameter.argument)),
            percent_encoded(scalar_text(item, parameter.argument)),
        )
        for key, item in value.items()
    ]
    if parameter.explode:
        return fields
    separator = _SEPARATORS.get(parameter.style, ",")
    return [(name, separator.join(part for field in fields for part in field))]
