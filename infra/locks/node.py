"""The lock of the Node SDKs that the contract tests run: made by npm, held to the same rules."""

import json
import subprocess
from pathlib import Path
from typing import Any

FOLDER = "tests/contract/node"
_MANIFEST = f"{FOLDER}/package.json"
_LOCK = f"{FOLDER}/package-lock.json"


def find_node_problems(root: Path) -> list[str]:
    """Compare the lock of the project in `root` with its package.json, without a network.

    Returns:
        One sentence a problem; none if all is well.
    """
    if not (root / _LOCK).is_file():
        return [f"{_LOCK} is missing: run `make lock-node`."]
    manifest: dict[str, Any] = json.loads((root / _MANIFEST).read_text(encoding="utf-8"))
    lock: dict[str, Any] = json.loads((root / _LOCK).read_text(encoding="utf-8"))
    packages: dict[str, dict[str, Any]] = dict(lock["packages"])
    problems = []
    if packages.pop("", {}).get("dependencies") != manifest["dependencies"]:
        problems.append(f"{_LOCK} was made of other requirements: run `make lock-node`.")
    for path, package in packages.items():
        name = path.removeprefix("node_modules/")
        if "integrity" not in package:
            problems.append(f"{_LOCK} has no hash for {name}: run `make lock-node`.")
        if "resolved" in package:
            problems.append(f"{_LOCK} names the address of {name}; a lock holds pins only.")
    return problems


def update_node_lock(root: Path, npm: str) -> None:
    """Write the lock of the project in `root`, with the newest versions that are allowed.

    Raises:
        subprocess.CalledProcessError: npm found no solution, or no registry.
        FileNotFoundError: There is no npm.
    """
    # Without it, npm would keep what is locked now.
    (root / _LOCK).unlink(missing_ok=True)
    options = ["--package-lock-only", "--omit-lockfile-registry-resolved", "--ignore-scripts"]
    quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
    command = [npm, "--prefix", str(root / FOLDER), "install", *options, *quiet]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
