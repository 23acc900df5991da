"""Tools by type, and the promise that a call always has an output.

A tool that fails is no reason for a run to fail: the model reads what went wrong and goes on.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from core.call_arguments import BadArguments, read_arguments
from core.schema.authentication import Authentication
from wiring.telemetry import log_failure


@dataclass(frozen=True, slots=True)
class ToolCallInput:
    """One call of a tool.

    Attributes:
        name: of the function that the model called.
        arguments: JSON text, as the model wrote it.
        configuration: JSON text that was stored with the call; what it holds is the tool's affair.
        timeout_seconds: for everything that the tool does.
        idempotency_key: the same if this call is ever made again.
        authentication: for the service that the tool calls; None if it asks for none.
        tenant: whose call it is.
    """

    name: str
    arguments: str = field(repr=False)
    configuration: str = field(repr=False)
    timeout_seconds: float
    idempotency_key: str
    authentication: Authentication | None = field(default=None, repr=False)
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What the model is told.

    Attributes:
        output: text, as a rule JSON.
        failed: the tool did not do what was asked of it.
    """

    output: str = field(repr=False)
    failed: bool = False


class ToolError(Exception):
    """The call cannot be carried out.

    Args:
        message: what is wrong, in words for the model.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Tool(Protocol):
    """Something that a model can have done."""

    def run(self, call: ToolCallInput) -> ToolOutput:
        """Carry out the call.

        Raises:
            ToolError: it cannot be carried out, for a reason that the model can read.
        """
        ...


class ToolRegistry:
    """The tools that exist.

    Args:
        tools: by the type that calls name.
    """

    def __init__(self, tools: Mapping[str, Tool]) -> None:
        self._tools = dict(tools)

    def run(self, tool_type: str, call: ToolCallInput) -> ToolOutput:
        """Carry out a call, and answer for it if it fails.

        Returns:
            The tool's output; or an error that the model can react to. Nothing is raised but what
            ends the process.
        """
        tool = self._tools.get(tool_type)
        if tool is None:
            return failure(f"There is no tool of the type {tool_type!r}.")
        try:
            parse_arguments(call.arguments)
            return tool.run(call)
        except ToolError as error:
            return failure(error.message)
        except Exception as error:
            log_failure("tool failed", error)
            return failure("The tool failed. It may or may not have acted.")


def failure(message: str) -> ToolOutput:
    """Return the output of a call that was not carried out: `{"error": "…"}`."""
    return ToolOutput(json.dumps({"error": message}, ensure_ascii=False), failed=True)


def parse_arguments(text: str) -> dict[str, object]:
    """Return the arguments of a call.

    Args:
        text: JSON, as a model wrote it; some models write nothing where there are no arguments.

    Raises:
        ToolError: it is no JSON object.
    """
    try:
        return read_arguments(text)
    except BadArguments as error:
        raise ToolError(str(error)) from None
