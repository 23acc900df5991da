"""The digest of everything that an artifact is made of: it changes when a build is needed."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

_SOURCES = (
    "functions",
    "clients/javascript/src",
    "infra/*.json",
    "template.yaml",
    "requirements/sam.txt",
)


def digest_sources(root: Path, *settings: str) -> str:
    """Digest the sources in `root` and the settings that they are built with.

    Args:
        root: The project's root.
        settings: What else the artifact depends on, such as the runtime.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256(repr(settings).encode())
    for path in _list_sources(root):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root)}\0{content}\n".encode())
    return digest.hexdigest()[:16]


def is_leftover(path: Path) -> bool:
    """Whether a path, relative to the sources, is bytecode or a hidden cache of some tool."""
    return any(part == "__pycache__" or part.startswith(".") for part in path.parts)


def _list_sources(root: Path) -> Iterator[Path]:
    for pattern in _SOURCES:
        for match in sorted(root.glob(pattern)):
            files = sorted(match.rglob("*")) if match.is_dir() else [match]
            yield from (
                file for file in files if file.is_file() and not is_leftover(file.relative_to(root))
            )
