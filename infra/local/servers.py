"""Starts a server on a port of its own choosing and waits until it answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.local.errors import StackError
from infra.local.health import wait_until
from infra.local.ports import HOST, choose_port, is_free, require_port
from infra.local.processes import Processes

_START_SECONDS = 30.0
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Server:
    """How to run a server.

    Attributes:
        name: What it is to the stack.
        command: The program and its arguments, for a port.
        variables: Environment variables of its own, for a port.
        directory: Where it runs.
        answers: Whether it answers at a root URL.
    """

    name: str
    command: Callable[[int], Sequence[str | Path]]
    variables: Callable[[int], Mapping[str, str]]
    directory: Path
    answers: Callable[[str], bool]


def start_server(
    processes: Processes,
    server: Server,
    *,
    required_port: int | None = None,
    preferred_port: int | None = None,
    seconds: float = _START_SECONDS,
) -> str:
    """Start a server and wait until it answers.

    Args:
        processes: The stack's processes.
        server: What to start.
        required_port: The port it must listen on, if it must.
        preferred_port: The port it should listen on if that is free.
        seconds: How long it may take.

    Returns:
        Its root URL, without a path.

    Raises:
        StackError: It did not start, or the required port is in use.
    """
    for _ in range(_ATTEMPTS):
        port = choose_port(preferred_port) if required_port is None else require_port(required_port)
        url = f"http://{HOST}:{port}"
        if _start_once(processes, server, port, url, seconds):
            return url
        processes.end(server.name)
        # Another program may have taken the port since it was chosen; nothing else is tried again.
        if is_free(port):
            break
    tail = processes.log_tail(server.name)
    raise StackError(f"The {server.name} does not start; its log says:\n{tail}")


def _start_once(processes: Processes, server: Server, port: int, url: str, seconds: float) -> bool:
    processes.start(
        server.name,
        server.command(port),
        directory=server.directory,
        variables=server.variables(port),
    )

    def is_alive() -> bool:
        return processes.is_alive(server.name)

    # Whoever answers on the port is only the server itself while that lives.
    return wait_until(lambda: server.answers(url), seconds=seconds, alive=is_alive) and is_alive()
