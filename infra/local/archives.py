"""Zips what `sam build` made, so that `sam deploy` need not.

All functions have the same code, in one folder or a copy for each; `sam deploy` would zip it once
for every function, which takes longer than all the rest of it.
"""

import hashlib
import re
import shutil
import zipfile
from pathlib import Path

from infra.artifact import finish_artifact
from infra.local.sources import is_leftover

# In the template that `sam build` writes: a function's folder, relative to the template.
_CODE_URI = re.compile(r"^(\s+CodeUri: )([\w-]+)$", re.MULTILINE)


def share_archives(output: Path) -> None:
    """Replace the functions' folders in the output of `sam build` by archives of what is in them.

    Folders with the same content get the same archive.
    """
    template = output / "template.yaml"
    text = template.read_text(encoding="utf-8")
    archives: dict[str, str] = {}
    for name in dict.fromkeys(match[2] for match in _CODE_URI.finditer(text)):
        folder = output / name
        files = [path for path in _files(folder) if not is_leftover(path.relative_to(folder))]
        archive = f"{_digest(folder, files)}.zip"
        if not (output / archive).exists():
            finish_artifact(folder)
            _write_archive(output / archive, folder, _files(folder))
        archives[name] = archive
        shutil.rmtree(folder)
    template.write_text(
        _CODE_URI.sub(lambda match: match[1] + archives[match[2]], text), encoding="utf-8"
    )


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _digest(folder: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(folder)}\0{content}\n".encode())
    return digest.hexdigest()[:16]


def _write_archive(archive: Path, folder: Path, files: list[Path]) -> None:
    # It only travels within this machine: quick matters more than small.
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for path in files:
            file.write(path, path.relative_to(folder))
