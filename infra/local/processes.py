"""Starts the stack's servers in the background and ends them, whatever happened in between.

`up` starts them and exits; `down`, much later, must end exactly those. A process is known by its
id and its start time, since the system gives the ids of ended processes to new ones. Each server
leads a process group of its own and hands its environment on, with the stack's marker in it, so
that its children are found even when it died without ending them.
"""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from infra.local.environment import MARKER
from infra.local.errors import StackError

_GRACE_SECONDS = 5.0
# Background processes are children of the process that started them for as long as that lives,
# which then has to collect their exit codes.
_started_here: dict[int, subprocess.Popen[bytes]] = {}
_TAIL_LINES = 20


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A started process.

    Attributes:
        name: What it is to the stack, such as `emulator`.
        pid: Its process id, which is also the id of its process group.
        started: When it started, as `start_time` gives it.
    """

    name: str
    pid: int
    started: str


def start_time(pid: int) -> str | None:
    """Return what tells a process apart from all others that ever had its id.

    Returns:
        The boot and the clock tick in which the process started (proc_pid_stat(5), field 22), both
        unaffected by changes of the clock; None if there is no such process, or only its exit code.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in "ZX" else f"{boot}:{fields[18]}"


class Processes:
    """The background processes of one stack, remembered in a file of its directory."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        """Take over the processes that `directory` remembers.

        Args:
            directory: The stack's directory.
            environment: The environment that each process gets; it must hold the stack's marker.
        """
        self._ledger = directory / "processes.json"
        self._logs = directory / "logs"
        self._environment = dict(environment)

    @property
    def records(self) -> list[ProcessRecord]:
        """Every process that was started and not ended, dead ones included, oldest first."""
        try:
            entries = json.loads(self._ledger.read_text(encoding="utf-8"))
            return [ProcessRecord(**entry) for entry in entries]
        except (FileNotFoundError, ValueError, TypeError):
            return []

    def log(self, name: str) -> Path:
        """The file that a process writes its output to."""
        return self._logs / f"{name}.log"

    def log_tail(self, name: str) -> str:
        """The last lines of a process's output, indented; empty if it wrote none."""
        try:
            text = self.log(name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(f"  {line}" for line in text.splitlines()[-_TAIL_LINES:])

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        directory: Path,
        variables: Mapping[str, str] | None = None,
    ) -> ProcessRecord:
        """Start a server that outlives this process.

        Args:
            name: What the server is to the stack; the one of that name before it must be ended.
            command: The program and its arguments.
            directory: Where it runs.
            variables: Environment variables beyond those that all processes of the stack get.

        Raises:
            StackError: The program is missing or ended at once.
        """
        child = self._spawn(name, command, directory, variables or {})
        started = start_time(child.pid)
        if started is None:
            child.wait()
            raise StackError(f"The {name} did not start; its log says:\n{self.log_tail(name)}")
        record = ProcessRecord(name, child.pid, started)
        _started_here[child.pid] = child
        self._remember([*self.records, record])
        return record

    def run(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        directory: Path,
        variables: Mapping[str, str] | None = None,
    ) -> int:
        """Run a program to its end, its output in a log; end its whole group if interrupted.

        Returns:
            The program's exit code.

        Raises:
            StackError: The program is missing.
        """
        child = self._spawn(name, command, directory, variables or {})
        try:
            return child.wait()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            raise

    def is_alive(self, name: str) -> bool:
        """Whether the process of that name runs."""
        return any(_runs(record) for record in self.records if record.name == name)

    def end(self, name: str) -> None:
        """End the process of that name with its whole group, if it runs."""
        ended = [record for record in self.records if record.name == name]
        self._end(ended)
        self._remember([record for record in self.records if record not in ended])

    def end_all(self) -> bool:
        """End every process of the stack: the remembered ones, and all that carry its marker.

        Returns:
            Whether any of them ran.
        """
        records = self.records
        running = any(_runs(record) for record in records)
        self._end(list(reversed(records)))
        strays = list(self._strays())
        for stray in strays:
            with contextlib.suppress(psutil.NoSuchProcess):
                stray.kill()
        psutil.wait_procs(strays, timeout=_GRACE_SECONDS)
        _reap()
        self._ledger.unlink(missing_ok=True)
        return running or bool(strays)

    def _spawn(
        self,
        name: str,
        command: Sequence[str | Path],
        directory: Path,
        variables: Mapping[str, str],
    ) -> subprocess.Popen[bytes]:
        self._logs.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("wb") as log:
            try:
                return subprocess.Popen(
                    [str(word) for word in command],
                    cwd=directory,
                    env=self._environment | dict(variables),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except FileNotFoundError:
                raise StackError(f"{command[0]} is missing: run `make setup`.") from None

    def _end(self, records: Sequence[ProcessRecord]) -> None:
        """Ask the groups of these processes to end; after a grace period, make them."""
        running = [record for record in records if _runs(record)]
        # A leader may end before its children do, so all of the group are waited for.
        members = [member for record in running for member in _group(record.pid)]
        for record in running:
            _signal_group(record, signal.SIGTERM)
        _, stubborn = psutil.wait_procs(members, timeout=_GRACE_SECONDS)
        for member in stubborn:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(stubborn, timeout=_GRACE_SECONDS)
        _reap()

    def _strays(self) -> Iterator[psutil.Process]:
        marker = self._environment[MARKER]
        for process in psutil.process_iter():
            # Of other users' processes, nothing can be read; they are not ours.
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid != os.getpid() and process.environ().get(MARKER) == marker:
                    yield process

    def _remember(self, records: Sequence[ProcessRecord]) -> None:
        text = json.dumps([asdict(record) for record in records], indent=2)
        replacement = self._ledger.with_suffix(".new")
        replacement.write_text(text + "\n", encoding="utf-8")
        replacement.replace(self._ledger)


def _runs(record: ProcessRecord) -> bool:
    return start_time(record.pid) == record.started


def _reap() -> None:
    for pid, child in list(_started_here.items()):
        if child.poll() is not None:
            del _started_here[pid]


def _signal_group(record: ProcessRecord, number: signal.Signals) -> None:
    # The leader runs (its start time was just compared), so the group's id is still its own.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(record.pid, number)


def _group(pgid: int) -> list[psutil.Process]:
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(process.pid) == pgid:
                members.append(process)
    return members
