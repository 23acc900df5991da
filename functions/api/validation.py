"""What pydantic found wrong with a request, in the words and field names of OpenAI's API.

Nothing that a client sent is repeated but names of fields, numbers and lengths: the rest may be a
message, or a secret in the wrong place.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from core.errors import InvalidRequest

UNPARSABLE: Final = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using "
    "your HTTP library correctly. The API expects a JSON payload, but what was sent was not valid "
    "JSON.)"
)

M = TypeVar("M", bound=BaseModel)
_Error = Mapping[str, Any]
_LONGEST_NAME = 64

_EXPECTED: Final = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a decimal",
    "float_parsing": "a decimal",
    "bool_type": "a boolean",
    "bool_parsing": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}

# Words of OpenAI's API for tools, contents and purposes, and of OpenAPI for authentication, that
# are not served here (yet).
_KNOWN_ELSEWHERE: Final = frozenset(
    {
        "batch",
        "code_interpreter",
        "computer_use_preview",
        "evals",
        "file_search",
        "fine-tune",
        "mcp",
        "oauth2",
        "web_search_preview",
    }
)


def validated(kind: type[M], body: Any) -> M:
    """Return the request that a body is.

    Raises:
        InvalidRequest: it is not one of this kind; the HTTP API answers just so.
    """
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        found = error.errors(include_url=False)
        errors = [{**fault, "loc": ("body", *fault["loc"])} for fault in found]
        raise invalid_request(errors, body) from None


def invalid_request(errors: Sequence[_Error], body: Any) -> InvalidRequest:
    """Return the one error that a client is told: the first field's most telling one.

    Args:
        errors: as pydantic gives them, with locations that begin with `body` or `query`.
        body: the request's body as it was read, to tell names of fields from names of types.
    """
    field = errors[0]["loc"][:2]
    found = [_Finding(error, body) for error in errors if error["loc"][:2] == field]
    # A union reports its every branch: the branch that came farthest is the one that was meant.
    best = max(found, key=lambda finding: (finding.depth, not finding.is_type))
    if best.is_type:
        return best.wrong_type([other for other in found if other.param == best.param])
    return best.describe()


class _Finding:
    """One error with its field's name."""

    def __init__(self, error: _Error, body: Any) -> None:
        self._error = error
        self.kind: str = error["type"]
        self._context: Mapping[str, Any] = error.get("ctx") or {}
        location: Sequence[str | int] = error["loc"]
        if location[0] == "body":
            path = _path(location[1:], body, missing=self.kind == "missing")
        else:
            path = list(location[1:])
        if self.kind.startswith("union_tag"):
            path.append(str(self._context["discriminator"]).strip("'"))
        self.depth = len(path)
        self.param = _spell(path)

    @property
    def is_type(self) -> bool:
        """Whether a value of another type was expected."""
        return self.expected is not None

    @property
    def expected(self) -> str | None:
        """The type that was expected, if the value is of another."""
        if self.kind == "literal_error" and not isinstance(self._error["input"], str):
            return "a string"
        return _EXPECTED.get(self.kind)

    def wrong_type(self, alternatives: "Sequence[_Finding]") -> InvalidRequest:
        """Return the error for a value of a wrong type, naming all that would do."""
        if not self.param:
            return _whole_body(self._error.get("input"))
        expected = list(dict.fromkeys(filter(None, (other.expected for other in alternatives))))
        wanted = expected[0] if len(expected) == 1 else f"one of {' or '.join(expected)}"
        got = _type_name(self._error.get("input"))
        return self._invalid(
            f"Invalid type for '{self.param}': expected {wanted}, but got {got} instead.",
            "invalid_type",
        )

    def describe(self) -> InvalidRequest:
        """Return the error for a value that is wrong in another way."""
        if self.kind == "json_invalid":
            return InvalidRequest(UNPARSABLE)
        if self.kind == "missing" and not self.param:
            return InvalidRequest("The request needs a JSON body.")
        for describe in (self._name, self._number, self._length, self._choice):
            found = describe()
            if found is not None:
                return found
        if self.kind == "value_error":
            return self._invalid(f"Invalid '{self.param}': {self._context['error']}")
        return self._invalid(f"Invalid value for '{self.param}'.")

    def _name(self) -> InvalidRequest | None:
        if self.kind in ("missing", "union_tag_not_found"):
            return missing_parameter(self.param)
        if self.kind == "extra_forbidden":
            return unknown_parameter(self.param)
        return None

    def _number(self) -> InvalidRequest | None:
        bounds = {
            "greater_than_equal": ("ge", "below", "minimum", ">=", "min"),
            "less_than_equal": ("le", "above", "maximum", "<=", "max"),
        }
        if self.kind not in bounds:
            return None
        key, side, word, sign, short = bounds[self.kind]
        bound = self._context[key]
        kind = "decimal" if isinstance(bound, float) else "integer"
        return self._invalid(
            f"Invalid '{self.param}': {kind} {side} {word} value. "
            f"Expected a value {sign} {_number(bound)}, "
            f"but got {_number(self._error['input'])} instead.",
            f"{kind}_{side}_{short}_value",
        )

    def _length(self) -> InvalidRequest | None:
        thing = {"string": ("string", "a"), "too": ("array", "an")}.get(self.kind.split("_")[0])
        if thing is None or self.kind not in _LENGTHS:
            return None
        name, article = thing
        key, short, side, word = _LENGTHS[self.kind]
        limit, length = self._context[key], len(self._error["input"])
        empty = length == 0
        problem = f"empty {name}" if empty else f"{name} too {short}"
        got = f"an empty {name}" if empty else f"{article} {name} with length {length}"
        return self._invalid(
            f"Invalid '{self.param}': {problem}. Expected {article} {name} with {word} length "
            f"{limit}, but got {got} instead.",
            f"empty_{name}" if empty else f"{name}_{side}_{word[:3]}_length",
        )

    def _choice(self) -> InvalidRequest | None:
        if self.kind == "string_pattern_mismatch":
            return self._invalid(
                f"Invalid '{self.param}': string does not match pattern. "
                f"Expected a string that matches the pattern '{self._context['pattern']}'."
            )
        if self.kind == "literal_error":
            return self._other(self._error["input"], self._context["expected"])
        if self.kind == "union_tag_invalid":
            return self._other(self._context["tag"], self._context["expected_tags"])
        return None

    def _other(self, value: Any, expected: str) -> InvalidRequest:
        supported = _choices(expected)
        if isinstance(value, str) and value in _KNOWN_ELSEWHERE:
            message = f"Unsupported value: '{value}' is not served here yet. {supported}"
            return self._invalid(message, "unsupported_value")
        return self._invalid(f"Invalid value for '{self.param}'. {supported}")

    def _invalid(self, message: str, code: str = "invalid_value") -> InvalidRequest:
        return InvalidRequest(message, param=self.param, code=code)


_LENGTHS: Final = {
    "string_too_long": ("max_length", "long", "above", "maximum"),
    "string_too_short": ("min_length", "short", "below", "minimum"),
    "too_long": ("max_length", "long", "above", "maximum"),
    "too_short": ("min_length", "short", "below", "minimum"),
}


def missing_parameter(param: str) -> InvalidRequest:
    """Return the error for a field that must be given."""
    return InvalidRequest(
        f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
    )


def unknown_parameter(param: str) -> InvalidRequest:
    """Return the error for a field that there is not."""
    return InvalidRequest(f"Unknown parameter: '{param}'.", param=param, code="unknown_parameter")


def shown_name(name: str) -> str:
    """Return the name of a field as errors repeat it: a long one is cut."""
    return name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "…"


def _path(location: Sequence[str | int], body: Any, *, missing: bool) -> list[str | int]:
    """Return the keys and indexes of a location, without the type names that unions put in.

    The body decides: what leads somewhere in it is a key or an index. Only the tag of a
    discriminated union may look like a key; it comes first at its place, and repeats `type`.
    """
    path: list[str | int] = []
    value, arrived = body, False
    for position, part in enumerate(location):
        if arrived and isinstance(value, dict) and part == value.get("type"):
            arrived = False
        elif _leads_on(value, part):
            path.append(part)
            value, arrived = value[part], True
        elif missing and position == len(location) - 1:
            path.append(part)
        else:
            arrived = arrived and str(part).startswith("tagged-union[")
    return path


def _leads_on(value: Any, part: str | int) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _spell(path: Sequence[str | int]) -> str:
    """Return a path as OpenAI writes it: `tools[0].function.name`."""
    spelled = ""
    for part in path:
        if isinstance(part, int):
            spelled += f"[{part}]"
        else:
            shown = shown_name(part)
            spelled += f".{shown}" if spelled else shown
    return spelled


def _whole_body(value: Any) -> InvalidRequest:
    if isinstance(value, bytes):
        return InvalidRequest(
            "The body of the request must be JSON, sent with 'Content-Type: application/json'."
        )
    return InvalidRequest(
        f"Invalid type for the request's body: expected an object, but got {_type_name(value)} "
        "instead.",
        code="invalid_type",
    )


def _type_name(value: Any) -> str:
    names: dict[type, str] = {
        str: "a string",
        bool: "a boolean",
        int: "an integer",
        float: "a decimal number",
        list: "an array",
        dict: "an object",
        type(None): "null",
    }
    return names.get(type(value), "another value")


def _number(value: Any) -> str:
    """Return a number as a person writes it: 2 rather than 2.0."""
    if isinstance(value, str):
        # Of a query: pydantic takes `2.0` for the integer that it is.
        value = int(value.partition(".")[0])
    number = float(value) if isinstance(value, float) else int(value)
    return str(int(number)) if number == int(number) else str(number)


def _choices(listed: str) -> str:
    """Return pydantic's list of values (`'a', 'b' or 'c'`) in OpenAI's words."""
    values = re.findall(r"'[^']*'", listed)
    if len(values) > 2:
        return f"Supported values are: {', '.join(values[:-1])}, and {values[-1]}."
    return f"Supported values are: {' and '.join(values)}."
