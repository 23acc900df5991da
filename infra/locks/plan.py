"""Which locks there are, and of which requirements in pyproject.toml each one is made."""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUNTIME = "functions/requirements.txt"
DEVELOPMENT = "requirements/dev.txt"
_MARK = "# Made by `make lock` of the requirements in pyproject.toml with sha256 "


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock file and what it is made of.

    Attributes:
        path: The file, relative to the project's root.
        requirements: The direct requirements (PEP 508), as pyproject.toml lists them.
        python: The lowest Python version that the lock must serve, such as `3.11`.
        sources: The arguments that tell `uv pip compile` where those requirements stand.
    """

    path: str
    requirements: tuple[str, ...]
    python: str
    sources: tuple[str, ...]

    @property
    def mark(self) -> str:
        """The lock's first line: it changes whenever the requirements do."""
        text = "\n".join((self.python, *sorted(self.requirements)))
        return _MARK + hashlib.sha256(text.encode()).hexdigest()[:16]


def read_plan(root: Path) -> list[Lock]:
    """Read pyproject.toml in `root`; return the locks that it calls for, the runtime's first.

    Raises:
        ValueError: requires-python has no lower bound.
    """
    pyproject = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    python = _lowest_python(pyproject["project"]["requires-python"])
    runtime = tuple(pyproject["project"]["dependencies"])
    groups: dict[str, Any] = pyproject["dependency-groups"]
    # The development environment also holds the runtime, at the very versions that are deployed.
    dev_sources = ("pyproject.toml", "--group", "pyproject.toml:dev", "-c", RUNTIME)
    return [
        Lock(RUNTIME, runtime, python, ("pyproject.toml",)),
        Lock(DEVELOPMENT, (*runtime, *groups["dev"]), python, dev_sources),
        *(
            Lock(
                f"requirements/{name}.txt",
                tuple(requirements),
                python,
                ("--group", f"pyproject.toml:{name}"),
            )
            for name, requirements in groups.items()
            if name != "dev"
        ),
    ]


def _lowest_python(requires_python: str) -> str:
    bound = re.search(r">=\s*(\d+\.\d+)", requires_python)
    if bound is None:
        raise ValueError(f"requires-python {requires_python!r} has no lower bound")
    return bound[1]
