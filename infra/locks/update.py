"""Makes the locks anew with `uv pip compile`: the only part here that needs a network."""

import subprocess
from pathlib import Path

from infra.locks.plan import Lock, read_plan

_OPTIONS = (
    "--universal",
    "--generate-hashes",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--quiet",
)


def update_locks(root: Path, uv: str, *, upgrade: bool) -> None:
    """Write every lock of the project in `root`.

    Args:
        root: The project's root.
        uv: The uv executable.
        upgrade: Take the newest versions that are allowed, instead of keeping those locked now.

    Raises:
        subprocess.CalledProcessError: uv found no solution, or no package index.
    """
    for lock in read_plan(root):
        command = [uv, "pip", "compile", *lock.sources, *_OPTIONS, *(["--upgrade"] * upgrade)]
        command += ["--python-version", lock.python, "--output-file", lock.path]
        subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
        _mark(root, lock)


def _mark(root: Path, lock: Lock) -> None:
    path = root / lock.path
    pins = [line for line in path.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    path.write_text("\n".join([lock.mark, *pins]) + "\n", encoding="utf-8")
