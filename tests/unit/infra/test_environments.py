"""When the project's Python environments are made, and what of."""

import importlib.util
from pathlib import Path

import pytest

from infra import environments
from infra.environments import SetupError, base_python, node_version, set_up, set_up_sdks

LOCKS = {"dev": "venv", "emulator": "emulator", "sam": "sam", "uv": "uv"}
SDK_LOCKS = ("sdk-openai-1", "sdk-openai-2")


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

    def of_npm(self) -> list[list[str]]:
        """The commands that npm was given."""
        return [command for command in self.run if command[0] == "npm"]


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
    for name in (*LOCKS, *SDK_LOCKS):
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"{name}==1")
    node = tmp_path / "tests" / "contract" / "node"
    node.mkdir(parents=True)
    (node / "package.json").write_text('{"dependencies": {"openai-7": "npm:openai@^7"}}')
    (node / "package-lock.json").write_text('{"packages": {}}')
    return tmp_path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory on the PATH, with a Node and an npm."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    install(directory, "node", "v22.11.0")
    install(directory, "npm", "11.0.0")
    return directory


def install(directory: Path, name: str, version: str) -> None:
    """Put a program there that says this version."""
    program = directory / name
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)


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


def test_the_sdks_are_made_apart_from_the_rest(
    root: Path, commands: Commands, programs: Path
) -> None:
    set_up(root)
    commands.run.clear()

    made = set_up_sdks(root)

    sdks = root / ".local" / "sdks"
    assert made == [sdks / "openai-1", sdks / "openai-2", sdks / "node"]
    assert commands.made() == set(SDK_LOCKS)
    (npm,) = commands.of_npm()
    assert npm[:4] == ["npm", "--prefix", str(sdks / "node"), "ci"]
    for name in ("package.json", "package-lock.json"):
        source = root / "tests" / "contract" / "node" / name
        assert (sdks / "node" / name).read_text() == source.read_text()


def test_setting_up_makes_no_sdk_and_needs_no_node(
    root: Path, commands: Commands, programs: Path
) -> None:
    (programs / "node").unlink()

    set_up(root)

    assert not (root / ".local" / "sdks").exists()


def test_no_sdk_is_made_twice(root: Path, commands: Commands, programs: Path) -> None:
    set_up(root)
    set_up_sdks(root)
    commands.run.clear()

    assert set_up_sdks(root) == []
    assert set_up(root) == []
    assert commands.run == []


@pytest.mark.parametrize("name", ["package.json", "package-lock.json"])
def test_the_node_sdks_are_made_anew_when_their_lock_or_manifest_changes(
    root: Path, commands: Commands, programs: Path, name: str
) -> None:
    set_up(root)
    set_up_sdks(root)
    commands.run.clear()
    (root / "tests" / "contract" / "node" / name).write_text("{}")

    assert set_up_sdks(root) == [root / ".local" / "sdks" / "node"]
    assert commands.run == commands.of_npm()


def test_another_node_makes_the_node_sdks_anew(
    root: Path, commands: Commands, programs: Path
) -> None:
    set_up(root)
    set_up_sdks(root)
    install(programs, "node", "v24.1.0")

    assert set_up_sdks(root) == [root / ".local" / "sdks" / "node"]


def test_a_changed_lock_makes_its_own_sdk_anew(
    root: Path, commands: Commands, programs: Path
) -> None:
    set_up(root)
    set_up_sdks(root)
    (root / "requirements" / "sdk-openai-2.txt").write_text("openai==2")

    assert set_up_sdks(root) == [root / ".local" / "sdks" / "openai-2"]


def test_node_sdks_whose_making_failed_are_made_again_from_nothing(
    root: Path, commands: Commands, programs: Path
) -> None:
    set_up(root)
    commands.failing = "npm --prefix"
    with pytest.raises(SetupError, match=r"install package-lock\.json"):
        set_up_sdks(root)
    half = root / ".local" / "sdks" / "node" / "node_modules"
    half.mkdir()
    commands.failing = ""

    assert set_up_sdks(root) == [root / ".local" / "sdks" / "node"]
    assert not half.exists()


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (["node"], "there is no node on the PATH"),
        (["npm"], "there is no npm on the PATH"),
        (["node", "npm"], "there is no node and no npm on the PATH"),
    ],
)
def test_a_missing_node_or_npm_is_an_error_that_says_what_is_needed(
    root: Path, commands: Commands, programs: Path, missing: list[str], words: str
) -> None:
    for name in missing:
        (programs / name).unlink()

    with pytest.raises(SetupError, match=f"need Node 20 or later with npm; {words}: install it"):
        set_up_sdks(root)
    assert commands.run == []


@pytest.mark.parametrize("version", ["v18.20.8", "", "not a version"])
def test_an_old_or_broken_node_is_an_error(programs: Path, version: str) -> None:
    install(programs, "node", version)

    with pytest.raises(SetupError, match=f"is {version or 'broken'}: install a newer"):
        node_version()


def test_node_20_is_new_enough(programs: Path) -> None:
    install(programs, "node", "v20.0.0")

    assert node_version() == "v20.0.0"
