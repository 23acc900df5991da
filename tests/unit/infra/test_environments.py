"""When the project's Python environments are made, and what of."""

import importlib.util
from pathlib import Path

import pytest

from infra import environments
from infra.environments import SetupError, base_python, set_up

LOCKS = {"dev": "venv", "emulator": "emulator", "sam": "sam", "uv": "uv"}


class Commands:
    """Stands in for running pip and uv: remembers the commands, and makes what `venv` would."""

    def __init__(self) -> None:
        self.run: list[list[str]] = []
        self.failing = ""

    def __call__(self, command: list[str], purpose: str) -> None:
        self.run.append(command)
        if self.failing and self.failing in " ".join(command):
            raise SetupError(purpose)
        if "venv" in command:
            Path(command[-1]).mkdir(parents=True, exist_ok=True)

    def made(self) -> set[str]:
        """The names of the environments that something was installed into."""
        return {Path(command[-1]).stem for command in self.run if "--require-hashes" in command}


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The commands that setting up runs."""
    commands = Commands()
    monkeypatch.setattr(environments, "_run", commands)
    return commands


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with nothing but locks."""
    (tmp_path / "requirements").mkdir()
    for name in LOCKS:
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"{name}==1")
    return tmp_path


def test_at_first_every_environment_is_made_from_its_lock(root: Path, commands: Commands) -> None:
    made = set_up(root)

    assert {path.name for path in made} == set(LOCKS.values())
    assert commands.made() == set(LOCKS)


def test_uv_is_made_before_what_it_makes(root: Path, commands: Commands) -> None:
    set_up(root)

    assert commands.run[0] == [base_python(), "-m", "venv", str(root / ".local" / "uv")]
    assert all(command[0].endswith("/uv/bin/uv") for command in commands.run[2:])


def test_nothing_is_made_twice(root: Path, commands: Commands) -> None:
    set_up(root)
    commands.run.clear()

    assert set_up(root) == []
    assert commands.run == []


def test_a_changed_lock_makes_its_own_environment_anew(root: Path, commands: Commands) -> None:
    set_up(root)
    commands.run.clear()
    (root / "requirements" / "sam.txt").write_text("sam==2")

    assert set_up(root) == [root / ".local" / "sam"]
    assert commands.made() == {"sam"}


def test_another_python_makes_every_environment_anew(
    root: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(root)
    commands.run.clear()
    monkeypatch.setattr(environments, "base_python", lambda: "/opt/python3.13/bin/python")

    set_up(root)

    assert commands.made() == set(LOCKS)


def test_an_environment_whose_making_failed_is_made_again(root: Path, commands: Commands) -> None:
    commands.failing = "emulator.txt"
    with pytest.raises(SetupError):
        set_up(root)
    commands.failing = ""
    commands.run.clear()

    set_up(root)

    assert commands.made() == {"emulator"}


def test_the_python_is_remembered_for_the_next_time(root: Path, commands: Commands) -> None:
    set_up(root)

    assert (root / ".local" / "python").read_text() == f"{base_python()}\n"


def test_a_python_that_cannot_make_environments_is_an_error_that_says_what_to_install(
    root: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_no_ensurepip(name: str) -> object:
        return None if name == "ensurepip" else importlib.util.find_spec(name)

    monkeypatch.setattr(environments, "find_spec", find_no_ensurepip)

    with pytest.raises(SetupError, match=r"apt install python3\.\d+-venv"):
        set_up(root)
    assert commands.run == []
