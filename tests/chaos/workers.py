"""The emulator's workers: the processes in which it runs the functions."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from infra.local.environment import MARKER
from infra.local.info import StackInfo

_FUNCTION_NAME: Final = "AWS_LAMBDA_FUNCTION_NAME"
_OUTPUTS: Final = {
    "runner": "RunnerFunctionName",
    "tool-worker": "ToolWorkerFunctionName",
    "timers": "TimersFunctionName",
    "api": "ApiFunctionName",
    "dead-letters": "DeadLettersFunctionName",
}
FUNCTIONS: Final = tuple(_OUTPUTS)


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker's process.

    Attributes:
        function: one of `FUNCTIONS`.
        process: the process.
    """

    function: str
    process: psutil.Process

    def peers(self) -> dict[int, int]:
        """Return its open connections to servers of this machine: own port by the server's."""
        return {
            connection.laddr.port: connection.raddr.port
            for connection in self._connections()
            if connection.status == psutil.CONN_ESTABLISHED and connection.raddr
        }

    def has_begun(self) -> bool:
        """Tell whether it has started and begun its first work: that needs a connection.

        If a worker dies while it starts, the emulator takes that for a fault of the function, and
        ends all of its workers, those that start in their place among them.
        """
        return bool(self._connections())

    def is_idle(self) -> bool:
        """Tell whether it waits for its next invocation: the emulator sends them through a pipe."""
        try:
            waits_in = Path(f"/proc/{self.process.pid}/wchan").read_text(encoding="ascii")
        except OSError:
            return False
        return waits_in.endswith("pipe_read")

    def kill(self) -> bool:
        """End it with SIGKILL, if it is still the process that was found; tell whether it was."""
        try:
            self.process.kill()
        except psutil.NoSuchProcess:
            return False
        return True

    def _connections(self) -> list[Any]:
        try:
            return list(self.process.net_connections("tcp"))
        except psutil.Error:
            return []


def function_names(info: StackInfo) -> dict[str, str]:
    """Return what `FUNCTIONS` stand for, by the names under which they are deployed."""
    return {info.outputs[output]: function for function, output in _OUTPUTS.items()}


def find_workers(emulator: int, marker: str, names: Mapping[str, str]) -> Iterator[Worker]:
    """Yield the workers of one stack's emulator that have begun to work, and no other process.

    Args:
        emulator: the emulator's process id.
        marker: the stack's directory, which its processes carry in their environment.
        names: the functions to look for, as `function_names` gives them.
    """
    with suppress(psutil.Error):
        parent = psutil.Process(emulator)
        if parent.environ().get(MARKER) != marker:
            return
        for child in parent.children():
            worker = _worker(child, marker, names)
            if worker is not None and worker.has_begun():
                yield worker


def _worker(process: psutil.Process, marker: str, names: Mapping[str, str]) -> Worker | None:
    with suppress(psutil.Error, OSError):
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        environment = process.environ()
        function = names.get(environment.get(_FUNCTION_NAME, ""))
        if function is not None and environment.get(MARKER) == marker:
            return Worker(function, process)
    return None
