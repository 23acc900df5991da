"""JSON as it may be stored and sent back: stricter than Python's own reader."""

import json
from typing import Any, NoReturn

# Deeper documents would exhaust the stack of whatever walks them later.
MAX_DEPTH = 64


def parse_json(data: bytes | str) -> Any:
    """Return the value that a text spells, such as a request's body.

    Python's reader also takes `NaN`, numbers too large for a float, and halves of characters, as
    escapes (`"\\ud800"`) or as bytes, none of which can be written again.

    Raises:
        JSONDecodeError: it is not JSON, or nested more than `MAX_DEPTH` levels deep.
    """
    try:
        value = json.loads(data, parse_constant=_refuse)
        _check(value)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError):
        raise json.JSONDecodeError("The text is not JSON that can be stored", "", 0) from None
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON.")


def _check(root: Any) -> None:
    waiting = [(root, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ValueError("The value is nested too deeply.")
        if isinstance(value, dict):
            waiting += [(item, depth + 1) for pair in value.items() for item in pair]
        elif isinstance(value, list):
            waiting += [(item, depth + 1) for item in value]
        elif isinstance(value, str):
            value.encode()
        elif isinstance(value, float) and value in (float("inf"), float("-inf")):
            raise ValueError("The number is too large.")
