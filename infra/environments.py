"""Makes the project's environments under `.local/`, each from its lock.

Run by `make setup` with the user's own Python, so it needs the standard library only. uv comes
first, into an environment that pip fills; uv then makes the others side by side:

    .local/uv        uv itself                              requirements/uv.txt
    .local/venv      the service and its development tools  requirements/dev.txt
    .local/sam       the SAM CLI                            requirements/sam.txt
    .local/emulator  the AWS emulator                       requirements/emulator.txt

They all have the same Python, because the emulator runs the artifact that `sam build` made for it.
`make setup-sdks` makes what only the contract tests need, the SDKs that programs are written with:

    .local/sdks/openai-N  a major version of the Python SDK  requirements/sdk-openai-N.txt
    .local/sdks/node      those of the Node SDK, TypeScript  tests/contract/node/package-lock.json

An environment is made anew when its lock or its Python (its Node) changed, or when making it was
interrupted: its stamp, which names both, is written last.
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_STAMP = ".made-of"
_OLDEST_NODE = 20
_SDK = "sdk-"


class SetupError(Exception):
    """Setting up is impossible; the message is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment and the lock that it is made of."""

    directory: Path
    lock: Path

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.directory / "bin" / "python"

    def fingerprint(self) -> str:
        """What the environment must be made of: this Python and this lock."""
        pins = hashlib.sha256(self.lock.read_bytes()).hexdigest()
        return f"{sys.version} {base_python()} {pins}"

    def is_made(self) -> bool:
        """Whether the environment is complete and of the right Python and lock."""
        try:
            return (self.directory / _STAMP).read_text() == self.fingerprint()
        except FileNotFoundError:
            return False

    def mark_made(self) -> None:
        """Record, as the last step of making it, that the environment is complete."""
        (self.directory / _STAMP).write_text(self.fingerprint())


@dataclass(frozen=True, slots=True)
class NodeEnvironment(Environment):
    """A directory with Node packages; its manifest stands beside its lock.

    Attributes:
        node: The version of the Node that it is for.
    """

    node: str

    @property
    def manifest(self) -> Path:
        """The package.json that the lock belongs to."""
        return self.lock.with_name("package.json")

    def fingerprint(self) -> str:
        """What the environment must be made of: this Node, this manifest and this lock."""
        pins = hashlib.sha256(self.manifest.read_bytes() + self.lock.read_bytes()).hexdigest()
        return f"node {self.node} {pins}"


def base_python() -> str:
    """The path of this interpreter, or of the one that its virtual environment was made with."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def node_version() -> str:
    """Return the version of the Node on the PATH, such as `v22.11.0`.

    Raises:
        SetupError: Node or its npm is missing, or Node is too old.
    """
    needs = f"The contract tests need Node {_OLDEST_NODE} or later with npm"
    programs = {name: shutil.which(name) for name in ("node", "npm")}
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        raise SetupError(
            f"{needs}; there is no {' and no '.join(missing)} on the PATH: install it."
        )
    command = [str(programs["node"]), "--version"]
    version = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    major = version.removeprefix("v").split(".", 1)[0]
    if not major.isdecimal() or int(major) < _OLDEST_NODE:
        raise SetupError(f"{needs}; {programs['node']} is {version or 'broken'}: install a newer.")
    return version


def set_up(root: Path = _ROOT) -> list[Path]:
    """Make every environment of the project in `root` that is missing or out of date.

    The SDKs' are not among them.

    Returns:
        The directories that were made; none if all were there.

    Raises:
        SetupError: This Python cannot make environments, or an installation failed.
    """
    local = root / ".local"
    local.mkdir(exist_ok=True)
    uv = _uv(root)
    others = [
        Environment(local / "venv", root / "requirements" / "dev.txt"),
        Environment(local / "sam", root / "requirements" / "sam.txt"),
        Environment(local / "emulator", root / "requirements" / "emulator.txt"),
    ]
    with _one_at_a_time(local / "setup.lock"):
        missing = [environment for environment in (uv, *others) if not environment.is_made()]
        if uv in missing:
            _make_with_pip(uv)
        _make_side_by_side(uv, [environment for environment in missing if environment is not uv])
        (local / "python").write_text(f"{base_python()}\n")
    return [environment.directory for environment in missing]


def set_up_sdks(root: Path = _ROOT) -> list[Path]:
    """Make the environments of the SDKs in the project in `root`, after those of `set_up`.

    Returns:
        The directories that were made; none if all were there.

    Raises:
        SetupError: Node or npm is missing, or an installation failed.
    """
    node = node_version()
    local = root / ".local"
    sdks: list[Environment] = [
        Environment(local / "sdks" / lock.stem.removeprefix(_SDK), lock)
        for lock in sorted((root / "requirements").glob(f"{_SDK}*.txt"))
    ]
    node_lock = root / "tests" / "contract" / "node" / "package-lock.json"
    sdks.append(NodeEnvironment(local / "sdks" / "node", node_lock, node))
    with _one_at_a_time(local / "setup.lock"):
        missing = [environment for environment in sdks if not environment.is_made()]
        _make_side_by_side(_uv(root), missing)
    return [environment.directory for environment in missing]


def _uv(root: Path) -> Environment:
    return Environment(root / ".local" / "uv", root / "requirements" / "uv.txt")


@contextlib.contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_with_pip(target: Environment) -> None:
    if find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetupError(
            f"This Python ({base_python()}) cannot make virtual environments: install its venv "
            f"package (on Debian and Ubuntu `apt install python{version}-venv`) and try again."
        )
    _say(f"Making {target.directory.name}")
    shutil.rmtree(target.directory, ignore_errors=True)
    _run([base_python(), "-m", "venv", str(target.directory)], "make a virtual environment")
    command = [str(target.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--require-hashes", "--only-binary", ":all:", "-r", str(target.lock)]
    _run(command, f"install {target.lock.name}: check the network and pip's configuration")
    target.mark_made()


def _make_side_by_side(uv: Environment, targets: list[Environment]) -> None:
    def make(target: Environment) -> None:
        if isinstance(target, NodeEnvironment):
            _make_with_npm(target)
        else:
            _make_with_uv(uv, target)

    if targets:
        with ThreadPoolExecutor() as pool:
            list(pool.map(make, targets))


def _make_with_npm(target: NodeEnvironment) -> None:
    _say(f"Making {target.directory.name}")
    shutil.rmtree(target.directory, ignore_errors=True)
    target.directory.mkdir(parents=True)
    for source in (target.manifest, target.lock):
        shutil.copy(source, target.directory)
    # Install scripts are code that nobody asked for; the SDKs have none.
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    command = ["npm", "--prefix", str(target.directory), "ci", *quiet]
    _run(command, f"install {target.lock.name}: check the network and npm's configuration")
    target.mark_made()


def _make_with_uv(uv: Environment, target: Environment) -> None:
    _say(f"Making {target.directory.name}")
    program = str(uv.directory / "bin" / "uv")
    python = ["--python", base_python(), "--no-python-downloads"]
    create = [program, "venv", "--quiet", "--clear", *python, str(target.directory)]
    _run(create, "make a virtual environment")
    install = [
        program,
        "pip",
        "sync",
        "--quiet",
        "--require-hashes",
        "--python",
        str(target.python),
    ]
    # A machine that is set up for pip only may need the same said in uv's words.
    hint = "uv reads UV_DEFAULT_INDEX and SSL_CERT_FILE, not pip's configuration"
    _run([*install, str(target.lock)], f"install {target.lock.name}: {hint}")
    target.mark_made()


def _run(command: list[str], purpose: str) -> None:
    # Nothing of an environment that happens to be active may leak into the ones made here.
    inherited = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX"}
    environment = {name: value for name, value in os.environ.items() if name not in inherited}
    result = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False)
    if result.returncode != 0:
        raise SetupError(f"Setting up could not {purpose} (the reason stands above).")


def _say(text: str) -> None:
    print(f"{text} …", file=sys.stderr, flush=True)


def main() -> int:
    """Set up what the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.environments")
    parser.add_argument("--sdks", action="store_true", help="make the SDKs' environments")
    arguments = parser.parse_args()
    try:
        if arguments.sdks:
            set_up_sdks()
        else:
            set_up()
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
