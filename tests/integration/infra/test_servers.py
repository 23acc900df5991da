"""Starting a server of the local stack, tried with small real ones."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.environment import process_environment
from infra.local.errors import StackError
from infra.local.health import answers
from infra.local.ports import HOST, choose_port
from infra.local.processes import Processes
from infra.local.servers import Server, start_server


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """The processes of a stack; whatever a test leaves is ended."""
    processes = Processes(tmp_path, process_environment(os.environ, str(tmp_path)))
    yield processes
    processes.end_all()


def file_server(directory: Path) -> Server:
    """A server of files."""
    return Server(
        name="files",
        command=lambda port: [sys.executable, "-m", "http.server", "--bind", HOST, str(port)],
        variables=lambda _port: {},
        directory=directory,
        answers=answers,
    )


def failing_server(directory: Path) -> Server:
    """A program that ends at once."""
    code = "print('no configuration'); raise SystemExit(1)"
    return Server(
        name="api",
        command=lambda _port: [sys.executable, "-c", code],
        variables=lambda _port: {},
        directory=directory,
        answers=answers,
    )


def test_a_started_server_answers_at_the_url_returned(processes: Processes, tmp_path: Path) -> None:
    url = start_server(processes, file_server(tmp_path))

    assert answers(url)
    assert processes.is_alive("files")


def test_a_preferred_port_is_taken_if_it_is_free(processes: Processes, tmp_path: Path) -> None:
    port = choose_port(None)

    assert start_server(processes, file_server(tmp_path), preferred_port=port).endswith(f":{port}")


def test_two_servers_that_prefer_the_same_port_both_start(
    processes: Processes, tmp_path: Path
) -> None:
    port = choose_port(None)

    first = start_server(processes, file_server(tmp_path), preferred_port=port)
    second = start_server(processes, file_server(tmp_path), preferred_port=port)

    assert first != second
    assert answers(second)


def test_a_required_port_in_use_is_an_error_and_nothing_starts(
    processes: Processes, tmp_path: Path
) -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(StackError, match=f"Port {port} is in use"):
            start_server(processes, file_server(tmp_path), required_port=port)

    assert processes.records == []


def test_a_server_that_ends_at_once_is_an_error_that_shows_its_log(
    processes: Processes, tmp_path: Path
) -> None:
    with pytest.raises(StackError, match="The api does not start; its log says:\n  no config"):
        start_server(processes, failing_server(tmp_path))

    assert processes.records == []


def test_a_server_that_never_answers_is_ended(processes: Processes, tmp_path: Path) -> None:
    silent = Server(
        name="api",
        command=lambda _port: [sys.executable, "-c", "import time; time.sleep(60)"],
        variables=lambda _port: {},
        directory=tmp_path,
        answers=answers,
    )

    with pytest.raises(StackError, match="The api does not start"):
        start_server(processes, silent, seconds=0.5)

    assert not processes.is_alive("api")
