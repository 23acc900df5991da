"""Authentication of actions for one run."""

from collections.abc import Sequence
from typing import Final

from core.errors import InvalidRequest
from core.schema.authentication import Authentication, dump_authentications
from core.schema.runs import RunParameters
from core.schema.tools import ActionTool, Tool

# They stand in the run's item, which has 400 KB, beside its documents.
MAX_BYTES: Final = 24_576
_PARAM: Final = "action_authentications"
_LONGEST_NAME: Final = 64


def run_authentications(request: RunParameters, tools: Sequence[Tool]) -> dict[str, Authentication]:
    """Return what a run gives for its actions, by their ids.

    Args:
        request: the run's.
        tools: that the run has in the end, its own or the assistant's.

    Raises:
        InvalidRequest: an id is none of an action among the tools, or they are too long together.
    """
    given = request.extras.action_authentications or {}
    known = {tool.id for tool in tools if isinstance(tool, ActionTool)}
    for action_id in given:
        if action_id not in known:
            param = f"{_PARAM}.{action_id[:_LONGEST_NAME]}"
            raise InvalidRequest(
                f"Invalid '{param}': the run has no action of this id among its tools.",
                param=param,
                code="invalid_value",
            )
    if len(dump_authentications(given).encode()) > MAX_BYTES:
        raise InvalidRequest(
            f"Invalid '{_PARAM}': they may have at most {MAX_BYTES:,} bytes together.",
            param=_PARAM,
            code="invalid_value",
        )
    return given
