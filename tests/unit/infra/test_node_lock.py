"""The check of the Node SDKs' lock, and the making of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.locks.node import find_node_problems, update_node_lock

PROJECT = Path(__file__).parents[3]
FOLDER = "tests/contract/node"
LOCK = f"{FOLDER}/package-lock.json"
DEPENDENCIES = {"openai-7": "npm:openai@^7.57.0"}
OPENAI: dict[str, Any] = {"name": "openai", "version": "7.57.0", "integrity": "sha512-AAAA"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a project whose lock belongs to its manifest."""
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    (folder / "package.json").write_text(json.dumps({"dependencies": DEPENDENCIES}))
    write_lock(folder, OPENAI)
    return folder


def write_lock(folder: Path, package: dict[str, Any]) -> None:
    """Lock one package."""
    packages = {"": {"dependencies": DEPENDENCIES}, "node_modules/openai-7": package}
    (folder / "package-lock.json").write_text(json.dumps({"packages": packages}))


def test_a_lock_of_its_manifest_has_no_problem(tmp_path: Path, folder: Path) -> None:
    assert find_node_problems(tmp_path) == []


def test_the_project_itself_has_no_problem() -> None:
    assert find_node_problems(PROJECT) == []


def test_another_requirement_than_locked_is_found(tmp_path: Path, folder: Path) -> None:
    (folder / "package.json").write_text('{"dependencies": {"openai-8": "npm:openai@^8.0.0"}}')

    assert find_node_problems(tmp_path) == [
        f"{LOCK} was made of other requirements: run `make lock-node`."
    ]


def test_a_package_without_a_hash_is_found(tmp_path: Path, folder: Path) -> None:
    write_lock(folder, {"name": "openai", "version": "7.57.0"})

    assert find_node_problems(tmp_path) == [
        f"{LOCK} has no hash for openai-7: run `make lock-node`."
    ]


def test_an_address_is_found(tmp_path: Path, folder: Path) -> None:
    write_lock(folder, OPENAI | {"resolved": "https://packages.example/openai-7.57.0.tgz"})

    assert find_node_problems(tmp_path) == [
        f"{LOCK} names the address of openai-7; a lock holds pins only."
    ]


def test_a_missing_lock_is_found(tmp_path: Path, folder: Path) -> None:
    (folder / "package-lock.json").unlink()

    assert find_node_problems(tmp_path) == [f"{LOCK} is missing: run `make lock-node`."]


def test_the_lock_is_made_anew_without_addresses(tmp_path: Path, folder: Path) -> None:
    npm = tmp_path / "npm"
    npm.write_text(f'#!/bin/sh\necho "$@" >"{tmp_path}/arguments"\nls "$2" >"{tmp_path}/found"\n')
    npm.chmod(0o755)

    update_node_lock(tmp_path, str(npm))

    arguments = (tmp_path / "arguments").read_text().split()
    assert arguments[:2] == ["--prefix", str(folder)]
    assert {"install", "--package-lock-only", "--omit-lockfile-registry-resolved"} < set(arguments)
    assert (tmp_path / "found").read_text().split() == ["package.json"]
