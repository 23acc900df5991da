"""The AWS emulator: MiniStack, which runs the functions as processes of this machine."""

from pathlib import Path

from infra.local.health import answers
from infra.local.ports import HOST
from infra.local.processes import Processes
from infra.local.scratch import make_scratch, remove_scratch
from infra.local.servers import Server, start_server
from infra.local.tools import Tools

NAME = "emulator"
_USUAL_PORT = 4566


def start_emulator(
    tools: Tools, processes: Processes, directory: Path, *, auth: bool, usual_port: bool
) -> str:
    """Start the emulator and wait until it answers.

    Args:
        tools: Where it is installed.
        processes: The stack's processes.
        directory: The stack's directory.
        auth: Whether it enforces IAM policies.
        usual_port: Whether to take the emulator's usual port if it is free.

    Returns:
        Its URL.

    Raises:
        StackError: It did not start.
    """
    # It unpacks the functions' code here; `remove_leftovers` deletes what it leaves.
    temporary = directory / "tmp"
    make_scratch(temporary)
    server = Server(
        name=NAME,
        command=lambda _port: [tools.emulator],
        variables=lambda port: {
            "AUTH": str(auth).lower(),
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(port),
            # This listener would not keep to BIND_HOST.
            "IOT_MTLS_ENABLED": "0",
            "MINISTACK_HOST": HOST,
            "TMPDIR": str(temporary),
        },
        directory=directory,
        answers=emulator_answers,
    )
    return start_server(processes, server, preferred_port=_USUAL_PORT if usual_port else None)


def emulator_answers(url: str) -> bool:
    """Whether an emulator answers at `url`."""
    return answers(f"{url}/_ministack/health")


def remove_leftovers(directory: Path) -> None:
    """Delete the files of an emulator that has ended."""
    remove_scratch(directory / "tmp")
