"""What a user can choose about a stack."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.local.errors import StackError
from infra.local.model import SCRIPTED, ModelChoice

_LOWEST_PORT, _HIGHEST_PORT = 1024, 65535


@dataclass(frozen=True, slots=True)
class StackOptions:
    """The choices that make one stack differ from another.

    Attributes:
        auth: Whether the emulator enforces the functions' IAM policies.
        port: The port of the API, if it must be that one.
        model: The model backend.
        parameters: Values of the template's parameters that differ from the local defaults.
        usual_ports: Whether to take the ports that people expect, where they are free.
    """

    auth: bool = False
    port: int | None = None
    model: ModelChoice = SCRIPTED
    parameters: Mapping[str, str] = field(default_factory=dict)
    usual_ports: bool = False


def read_port(text: str) -> int:
    """Read a port that the user gave.

    Raises:
        StackError: It is not a port that a user's program can listen on.
    """
    if text.isascii() and text.isdecimal() and _LOWEST_PORT <= int(text) <= _HIGHEST_PORT:
        return int(text)
    raise StackError(
        f"{text!r} is not a port: give a number from {_LOWEST_PORT} to {_HIGHEST_PORT}."
    )
