"""The arguments of a tool call: JSON text, as a model wrote it."""

import json
from typing import NoReturn


class BadArguments(ValueError):
    """They are no JSON object; the message says so in words for the model."""


def read_arguments(text: str) -> dict[str, object]:
    """Return the arguments of a call; some models write nothing where there are none.

    Raises:
        BadArguments: the text is no JSON object.
    """
    if not text.strip():
        return {}
    try:
        arguments = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BadArguments("The arguments are not valid JSON.") from None
    if not isinstance(arguments, dict):
        raise BadArguments("The arguments must be a JSON object.")
    return arguments


def _refuse_constant(name: str) -> NoReturn:
    # Python reads NaN and Infinity, which are not JSON (RFC 8259, section 6).
    raise ValueError(name)
