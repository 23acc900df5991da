"""Parameters that a run passes on to its model as they are (`model_params`)."""

import json
from collections.abc import Mapping
from typing import Any, Final

from core.errors import InvalidRequest

MAX_BYTES: Final = 16_384
# What a step sets itself; the older names of tools among them.
_RESERVED: Final = frozenset(
    {
        "function_call",
        "functions",
        "messages",
        "model",
        "n",
        "stream",
        "stream_options",
        "tool_choice",
        "tools",
    }
)


def check_model_params(params: Mapping[str, Any]) -> None:
    """Check that parameters leave alone what a step sets itself, and can be stored.

    Raises:
        InvalidRequest: they do not; the error names the parameter at fault.
    """
    for name in params:
        if name in _RESERVED:
            raise InvalidRequest(
                f"Unsupported parameter: 'model_params.{name}' is set by the run itself.",
                param=f"model_params.{name}",
                code="unsupported_parameter",
            )
    if len(json.dumps(params, ensure_ascii=False).encode()) > MAX_BYTES:
        raise InvalidRequest(
            f"Invalid 'model_params': it may have up to {MAX_BYTES:,} bytes as JSON.",
            param="model_params",
            code="invalid_value",
        )
