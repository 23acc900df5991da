"""The digest that decides whether a build is needed."""

from pathlib import Path

import pytest

from infra.local.sources import digest_sources


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project."""
    for name in (
        "functions/core/ids.py",
        "functions/requirements.txt",
        "clients/javascript/src/order.js",
        "clients/javascript/README.md",
        "infra/tools.asl.json",
        "infra/local/stack.py",
        "requirements/sam.txt",
        "template.yaml",
        "README.md",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "functions/core/ids.py",
        "functions/requirements.txt",
        "clients/javascript/src/order.js",
        "infra/tools.asl.json",
        "requirements/sam.txt",
        "template.yaml",
    ],
)
def test_a_changed_source_changes_the_digest(project: Path, name: str) -> None:
    before = digest_sources(project)

    (project / name).write_text("other")

    assert digest_sources(project) != before


def test_a_new_a_renamed_and_a_deleted_file_change_the_digest(project: Path) -> None:
    digests = {digest_sources(project)}

    (project / "functions/core/new.py").write_text("content of functions/core/ids.py")
    digests.add(digest_sources(project))
    (project / "functions/core/ids.py").unlink()
    digests.add(digest_sources(project))
    (project / "functions/core/new.py").rename(project / "functions/core/newer.py")
    digests.add(digest_sources(project))

    assert len(digests) == 4


@pytest.mark.parametrize("name", ["README.md", "infra/local/stack.py"])
def test_what_is_not_deployed_does_not_change_the_digest(project: Path, name: str) -> None:
    before = digest_sources(project)

    (project / name).write_text("other")

    assert digest_sources(project) == before


@pytest.mark.parametrize("folder", ["functions/core/__pycache__", "functions/.mypy_cache"])
def test_what_tools_leave_behind_does_not_change_the_digest(project: Path, folder: str) -> None:
    before = digest_sources(project)

    (project / folder).mkdir()
    (project / folder / "ids.cpython-311.pyc").write_bytes(b"x")

    assert digest_sources(project) == before


def test_another_runtime_changes_the_digest(project: Path) -> None:
    assert digest_sources(project, "python3.11") != digest_sources(project, "python3.12")
