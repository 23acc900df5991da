"""Ports of the local stack."""

import socket
from collections.abc import Iterator

import pytest

from infra.local.errors import StackError
from infra.local.ports import HOST, choose_port, is_free, require_port


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port of 127.0.0.1 that another program listens on."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_preferred_port_that_is_free_is_taken() -> None:
    port = choose_port(None)

    assert choose_port(port) == port


def test_a_preferred_port_in_use_is_replaced_by_a_free_one(taken_port: int) -> None:
    port = choose_port(taken_port)

    assert port != taken_port
    assert is_free(port)


def test_a_required_port_that_is_free_is_taken() -> None:
    port = choose_port(None)

    assert require_port(port) == port


def test_a_required_port_in_use_is_an_error_that_says_what_to_do(taken_port: int) -> None:
    with pytest.raises(StackError, match=rf"^Port {taken_port} is in use: choose another") as error:
        require_port(taken_port)

    assert "THREADRUNNER_PORT" in str(error.value)


def test_a_port_that_is_listened_on_is_not_free(taken_port: int) -> None:
    assert not is_free(taken_port)
