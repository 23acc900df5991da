"""Runs the scripted model server as a part of the stack."""

import json
from pathlib import Path

from infra.local.errors import StackError
from infra.local.health import answers, wait_until
from infra.local.model import SCRIPTED
from infra.local.processes import Processes
from infra.local.tools import Tools

NAME = "model"
_START_SECONDS = 20.0


def start_scripted_model(tools: Tools, processes: Processes) -> str:
    """Start the scripted model server and wait until it answers.

    Returns:
        Its base URL.

    Raises:
        StackError: It did not start.
    """
    command: list[str | Path] = [tools.python, "-m", "infra.local.scripted_model", "--port", "0"]
    processes.start(NAME, command, directory=tools.root, variables={"PYTHONUNBUFFERED": "1"})
    wait_until(
        lambda: _read_base_url(processes) is not None,
        seconds=_START_SECONDS,
        alive=lambda: processes.is_alive(NAME),
    )
    base_url = _read_base_url(processes)
    if base_url is None:
        tail = processes.log_tail(NAME)
        raise StackError(f"The scripted model server does not start; its log says:\n{tail}")
    return base_url


def model_answers(base_url: str) -> bool:
    """Whether the scripted model server answers at `base_url`."""
    return answers(f"{base_url}/models", SCRIPTED.key)


def _read_base_url(processes: Processes) -> str | None:
    """Find the line in which the server says where it listens."""
    try:
        lines = processes.log(NAME).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    for line in lines:
        try:
            return str(json.loads(line)["base_url"])
        except (ValueError, KeyError, TypeError):
            continue
    return None
