"""Tells whether the locks still belong to pyproject.toml and to each other, without a network."""

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra.locks.plan import DEVELOPMENT, RUNTIME, Lock, read_plan

_ADDRESS = re.compile(r"\w+://|^\s*--?(?!hash=)\w|\s@\s", re.MULTILINE)
# The Lambda runtime brings it; in the artifact it would only make that larger.
_PROVIDED_BY_LAMBDA = frozenset({"boto3"})


def find_problems(root: Path) -> list[str]:
    """Compare the locks of the project in `root` with its pyproject.toml.

    Returns:
        One sentence a problem; none if all is well.
    """
    problems: list[str] = []
    pins: dict[str, dict[str, set[str]]] = {}
    for lock in read_plan(root):
        path = root / lock.path
        if not path.is_file():
            problems.append(f"{lock.path} is missing: run `make lock`.")
            continue
        text = path.read_text(encoding="utf-8")
        entries = _read_entries(text)
        pins[lock.path] = {name: set(versions) for name, versions in entries.items()}
        problems += _problems_of_text(lock, text)
        problems += _problems_of_entries(lock, entries)
    problems += _problems_between(pins.get(RUNTIME, {}), pins.get(DEVELOPMENT, {}))
    return problems


def _read_entries(text: str) -> dict[str, dict[str, bool]]:
    """Read a lock: package -> pinned version ("" if not pinned) -> whether it carries a hash."""
    entries: dict[str, dict[str, bool]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.lstrip().startswith(("#", "-")):
            continue
        requirement = Requirement(line.split(" --hash=", 1)[0].strip())
        exact = [clause.version for clause in requirement.specifier if clause.operator == "=="]
        version = exact[0] if len(exact) == 1 else ""
        entries.setdefault(canonicalize_name(requirement.name), {})[version] = "--hash=" in line
    return entries


def _problems_of_text(lock: Lock, text: str) -> list[str]:
    problems = []
    if text.split("\n", 1)[0] != lock.mark:
        problems.append(f"{lock.path} was made of other requirements: run `make lock`.")
    if _ADDRESS.search(text):
        problems.append(f"{lock.path} names an address or an option; a lock holds pins only.")
    return problems


def _problems_of_entries(lock: Lock, entries: dict[str, dict[str, bool]]) -> list[str]:
    problems = []
    for name, versions in entries.items():
        if "" in versions:
            problems.append(f"{lock.path} does not pin {name} to one version: run `make lock`.")
        if not all(versions.values()):
            problems.append(f"{lock.path} has no hash for {name}: run `make lock`.")
    for text in lock.requirements:
        requirement = Requirement(text)
        versions = entries.get(canonicalize_name(requirement.name), {})
        if not versions:
            problems.append(f"{lock.path} lacks {requirement.name}: run `make lock`.")
        elif not all(requirement.specifier.contains(version) for version in versions if version):
            problems.append(
                f"{lock.path} pins {requirement.name} outside of {text}: run `make lock`."
            )
    return problems


def _problems_between(runtime: dict[str, set[str]], dev: dict[str, set[str]]) -> list[str]:
    problems = [
        f"{RUNTIME} holds {name}, which the Lambda runtime provides: drop what requires it."
        for name in sorted(_PROVIDED_BY_LAMBDA & runtime.keys())
    ]
    problems += [
        f"{DEVELOPMENT} does not test the deployed version of {name}: run `make lock`."
        for name, versions in runtime.items()
        if dev.get(name) != versions
    ]
    return problems
