"""Background processes of the local stack, tried with real ones."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra.local.environment import process_environment
from infra.local.errors import StackError
from infra.local.processes import Processes, start_time

SLEEP = "import time; time.sleep(60)"
# A server that starts a worker, says its id, and leaves it behind when it is killed.
PARENT = f"""
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", {SLEEP!r}]).pid, flush=True)
time.sleep(60)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""
SECONDS = 20.0


def make_processes(directory: Path) -> Processes:
    """The processes of the stack in `directory`, as a new command would see them."""
    return Processes(directory, process_environment(os.environ, str(directory)))


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """The processes of a stack; whatever a test leaves is ended."""
    processes = make_processes(tmp_path)
    yield processes
    processes.end_all()


def start(processes: Processes, name: str, code: str) -> int:
    """Start a Python program; return its process id."""
    return processes.start(name, [sys.executable, "-c", code], directory=Path.cwd()).pid


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until the condition holds, for a generous time."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Whether no process of that id runs."""
    return start_time(pid) is None


def read_worker(processes: Processes, name: str) -> int:
    """The id of the worker that the program PARENT started."""
    wait_for(lambda: processes.log(name).read_text().strip())
    return int(processes.log(name).read_text())


def test_a_started_process_outlives_the_command_that_started_it(
    processes: Processes, tmp_path: Path
) -> None:
    pid = start(processes, "server", SLEEP)

    later = make_processes(tmp_path)
    assert later.is_alive("server")
    assert [record.pid for record in later.records] == [pid]


def test_a_later_command_ends_what_an_earlier_one_started(
    processes: Processes, tmp_path: Path
) -> None:
    pids = [start(processes, name, SLEEP) for name in ("first", "second")]

    assert make_processes(tmp_path).end_all()

    assert all(is_gone(pid) for pid in pids)
    assert not make_processes(tmp_path).end_all()


def test_a_process_that_ends_early_is_not_alive_and_its_log_says_why(processes: Processes) -> None:
    start(processes, "server", "print('port taken'); raise SystemExit(1)")

    wait_for(lambda: not processes.is_alive("server"))

    assert processes.log_tail("server") == "  port taken"


def test_ending_one_process_leaves_the_others(processes: Processes) -> None:
    start(processes, "first", SLEEP)
    start(processes, "second", SLEEP)

    processes.end("first")

    assert not processes.is_alive("first")
    assert processes.is_alive("second")
    assert [record.name for record in processes.records] == ["second"]


def test_ending_a_process_ends_the_workers_that_it_started(processes: Processes) -> None:
    start(processes, "server", PARENT)
    worker = read_worker(processes, "server")

    processes.end("server")

    assert is_gone(worker)


def test_the_workers_of_a_killed_process_are_found_and_ended(
    processes: Processes, tmp_path: Path
) -> None:
    pid = start(processes, "server", PARENT)
    worker = read_worker(processes, "server")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: is_gone(pid))
    assert not is_gone(worker)

    assert make_processes(tmp_path).end_all()

    wait_for(lambda: is_gone(worker))


def test_a_process_that_was_started_but_never_recorded_is_found_and_ended(
    processes: Processes, tmp_path: Path
) -> None:
    pid = start(processes, "server", SLEEP)
    (tmp_path / "processes.json").unlink()

    make_processes(tmp_path).end_all()

    wait_for(lambda: is_gone(pid))


def test_a_process_that_ignores_the_request_to_end_is_killed(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.local.processes._GRACE_SECONDS", 0.3)
    pid = start(processes, "server", STUBBORN)
    wait_for(lambda: processes.log("server").read_text())

    processes.end("server")

    assert is_gone(pid)


def test_another_program_that_was_given_the_id_of_an_ended_process_is_left_alone(
    processes: Processes, tmp_path: Path
) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True) as stranger:
        ledger = [{"name": "server", "pid": stranger.pid, "started": "earlier-boot:1"}]
        (tmp_path / "processes.json").write_text(json.dumps(ledger))

        assert not processes.is_alive("server")
        processes.end("server")
        (tmp_path / "processes.json").write_text(json.dumps(ledger))
        processes.end_all()

        assert stranger.poll() is None
        stranger.kill()


def test_the_processes_of_another_stack_are_left_alone(
    processes: Processes, tmp_path: Path
) -> None:
    other = make_processes(tmp_path / "other")
    (tmp_path / "other").mkdir()
    try:
        start(other, "server", SLEEP)

        processes.end_all()

        assert other.is_alive("server")
    finally:
        other.end_all()


def test_an_ended_process_that_nobody_has_waited_for_does_not_count_as_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        wait_for(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)

        assert start_time(child.pid) is None


def test_a_missing_program_is_an_error_that_says_what_to_do(
    processes: Processes, tmp_path: Path
) -> None:
    with pytest.raises(StackError, match="is missing: run `make setup`"):
        processes.start("server", [tmp_path / "no-such-program"], directory=tmp_path)


def test_a_damaged_ledger_does_not_keep_the_stack_from_being_ended(
    processes: Processes, tmp_path: Path
) -> None:
    pid = start(processes, "server", SLEEP)
    (tmp_path / "processes.json").write_text('[{"name"')

    make_processes(tmp_path).end_all()

    wait_for(lambda: is_gone(pid))


def test_a_program_run_to_its_end_gives_its_exit_code_and_its_log(processes: Processes) -> None:
    code = "import os, sys; print(os.environ['COLOUR']); sys.exit(3)"

    exit_code = processes.run(
        "tool",
        [sys.executable, "-c", code],
        directory=Path.cwd(),
        variables={"COLOUR": "blue"},
    )

    assert exit_code == 3
    assert processes.log_tail("tool") == "  blue"


def test_ctrl_c_ends_the_program_that_is_being_run_and_what_it_started(tmp_path: Path) -> None:
    command = f"""
import os, sys
from pathlib import Path
from infra.local.environment import process_environment
from infra.local.interrupts import interrupt_on_signals
from infra.local.processes import Processes
interrupt_on_signals()
directory = Path({str(tmp_path)!r})
processes = Processes(directory, process_environment(os.environ, str(directory)))
try:
    processes.run("tool", [sys.executable, "-c", {PARENT!r}], directory=directory)
except KeyboardInterrupt:
    sys.exit(130)
"""
    processes = make_processes(tmp_path)
    log = processes.log("tool")
    with subprocess.Popen([sys.executable, "-c", command], start_new_session=True) as user:
        wait_for(lambda: log.is_file() and log.read_text().strip())
        worker = int(log.read_text())

        user.send_signal(signal.SIGINT)

        assert user.wait(SECONDS) == 130
    wait_for(lambda: is_gone(worker))
