"""What the command line and the environment choose."""

import pytest

from infra.local.command import parse_arguments, read_options
from infra.local.errors import StackError
from infra.local.model import SCRIPTED
from infra.local.options import read_port


def test_without_choices_ports_are_free_to_move_and_the_model_is_scripted() -> None:
    options = read_options(parse_arguments(["up"]), {})

    assert options.port is None
    assert options.usual_ports
    assert not options.auth
    assert options.model is SCRIPTED


def test_the_port_on_the_command_line_wins_over_the_environments() -> None:
    options = read_options(parse_arguments(["up", "--port", "8100"]), {"THREADRUNNER_PORT": "8200"})

    assert options.port == 8100


def test_the_port_of_the_environment_is_taken() -> None:
    assert read_options(parse_arguments(["up"]), {"THREADRUNNER_PORT": "8200"}).port == 8200


@pytest.mark.parametrize("text", ["", "http", "80", "65536", "-1", "8000.0", "٨٠٠٠"])
def test_what_is_no_port_is_an_error_that_says_what_to_give(text: str) -> None:
    with pytest.raises(StackError, match="is not a port: give a number from 1024 to 65535"):
        read_port(text)


def test_policies_are_enforced_on_demand() -> None:
    assert read_options(parse_arguments(["up", "--auth"]), {}).auth


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["start"])

    assert "invalid choice: 'start'" in capsys.readouterr().err
