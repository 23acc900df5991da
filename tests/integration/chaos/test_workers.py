"""Workers are told apart from all other processes, with real ones."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.local.environment import MARKER
from tests.chaos.workers import Worker, find_workers

NAME = "AWS_LAMBDA_FUNCTION_NAME"
NAMES = {"stack-Runner-1": "runner", "stack-Tools-2": "tool-worker", "stack-Timers-3": "timers"}
# Gets a connection, as a worker does when it begins to work, if it is told where; works for a
# minute, or waits for what it is told through a pipe.
WORKER = """
import os, socket, sys, time
if "WORKS_WITH" in os.environ:
    connection = socket.create_connection(("127.0.0.1", int(os.environ["WORKS_WITH"])))
if "IS_IDLE" in os.environ:
    sys.stdin.readline()
time.sleep(60)
"""
# Starts a child for each environment that it reads, says their ids, and stays.
EMULATOR = f"""
import json, os, subprocess, sys, time
processes = [
    subprocess.Popen(
        [sys.executable, "-c", {WORKER!r}], env=os.environ | given, stdin=subprocess.PIPE
    )
    for given in json.loads(sys.argv[1])
]
print(json.dumps([process.pid for process in processes]), flush=True)
time.sleep(60)
"""
SECONDS = 20.0


@dataclass(frozen=True)
class FakeEmulator:
    """A process that plays the emulator.

    Attributes:
        pid: its id.
        children: its children's ids.
        server: what they work with: its port.
    """

    pid: int
    children: list[int]
    server: int


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """A server that workers have connections to."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(SECONDS)
        yield listening


@pytest.fixture
def marker(tmp_path: Path) -> str:
    """The stack's directory."""
    return str(tmp_path)


@pytest.fixture
def emulator(marker: str, server: socket.socket) -> Iterator[FakeEmulator]:
    """A runner and a tool worker at work, timers that start, and children that are no workers."""
    port = server.getsockname()[1]
    works = {"WORKS_WITH": str(port)}
    given: list[dict[str, str]] = [
        works | {NAME: "stack-Runner-1"},
        works | {NAME: "stack-Tools-2", "IS_IDLE": "1"},
        works | {NAME: "stack-Socket-4"},
        works | {NAME: "stack-Runner-1", MARKER: f"{marker}-other"},
        works,
        {NAME: "stack-Timers-3"},
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", EMULATOR, json.dumps(given)],
        env=os.environ | {MARKER: marker},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    children: list[int] = json.loads(process.stdout.readline())
    accepted = [server.accept()[0] for each in given if "WORKS_WITH" in each]
    yield FakeEmulator(process.pid, children, port)
    for pid in (*children, process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    for connection in accepted:
        connection.close()


def found(emulator: FakeEmulator, marker: str) -> dict[str, Worker]:
    """Return the workers that are found, by their functions."""
    return {worker.function: worker for worker in find_workers(emulator.pid, marker, NAMES)}


def test_only_workers_of_this_stack_that_have_begun_to_work_are_found(
    emulator: FakeEmulator, marker: str
) -> None:
    workers = list(find_workers(emulator.pid, marker, NAMES))
    assert {(worker.function, worker.process.pid) for worker in workers} == {
        ("runner", emulator.children[0]),
        ("tool-worker", emulator.children[1]),
    }
    assert len(workers) == 2


def test_an_emulator_of_another_stack_has_no_workers(emulator: FakeEmulator, marker: str) -> None:
    assert found(emulator, f"{marker}-other") == {}


def test_a_process_that_is_no_child_of_the_emulator_is_not_found(
    emulator: FakeEmulator, marker: str, server: socket.socket
) -> None:
    environment = {MARKER: marker, NAME: "stack-Timers-3", "WORKS_WITH": str(emulator.server)}
    stranger = subprocess.Popen([sys.executable, "-c", WORKER], env=os.environ | environment)
    with server.accept()[0]:
        try:
            assert "timers" not in found(emulator, marker)
        finally:
            stranger.kill()
            stranger.wait()


def test_a_workers_connections_tell_whom_it_works_with(emulator: FakeEmulator, marker: str) -> None:
    assert set(found(emulator, marker)["runner"].peers().values()) == {emulator.server}


def test_an_idle_worker_is_told_from_one_at_work(emulator: FakeEmulator, marker: str) -> None:
    workers = found(emulator, marker)
    deadline = time.monotonic() + SECONDS
    # It has its connection already, and is about to wait.
    while not workers["tool-worker"].is_idle():
        assert time.monotonic() < deadline
    assert not workers["runner"].is_idle()


def test_a_killed_worker_is_not_found_again(emulator: FakeEmulator, marker: str) -> None:
    runner = found(emulator, marker)["runner"]
    assert runner.kill()
    deadline = time.monotonic() + SECONDS
    # The emulator has not collected it: it is a zombie.
    while "runner" in found(emulator, marker):
        assert time.monotonic() < deadline
    assert set(found(emulator, marker)) == {"tool-worker"}
    assert runner.peers() == {}
