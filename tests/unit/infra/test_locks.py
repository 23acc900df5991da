"""The check that finds when pyproject.toml and the locks drift apart."""

from pathlib import Path

import pytest

from infra.locks.check import find_problems
from infra.locks.plan import read_plan

PYPROJECT = """\
[project]
requires-python = ">=3.11,<3.15"
dependencies = ["fastapi>=0.165,<1"]

[dependency-groups]
dev = ["pytest>=9"]
uv = ["uv>=0.13"]
"""
HASH = "    --hash=sha256:" + 64 * "0" + "\n"
FASTAPI = f"fastapi==0.165.0 \\\n{HASH}"
STARLETTE = f"starlette==1.10.0 \\\n{HASH}"
PYTEST = f"pytest==9.2.0 \\\n{HASH}"
UV = f"uv==0.13.9 ; sys_platform != 'win32' \\\n{HASH}"
LOCKS = {
    "functions/requirements.txt": FASTAPI + STARLETTE,
    "requirements/dev.txt": FASTAPI + PYTEST + STARLETTE,
    "requirements/uv.txt": UV,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose locks are of its pyproject.toml."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    marks = {lock.path: lock.mark for lock in read_plan(tmp_path)}
    for name, pins in LOCKS.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{marks[name]}\n{pins}")
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that the file holds."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_locks_of_the_present_requirements_have_no_problem(project: Path) -> None:
    assert find_problems(project) == []


def test_the_project_itself_has_no_problem() -> None:
    assert find_problems(Path(__file__).parents[3]) == []


def test_a_new_requirement_is_found_missing(project: Path) -> None:
    edit(project / "pyproject.toml", '"pytest>=9"', '"pytest>=9", "ruff"')

    assert find_problems(project) == [
        "requirements/dev.txt was made of other requirements: run `make lock`.",
        "requirements/dev.txt lacks ruff: run `make lock`.",
    ]


def test_a_dropped_requirement_is_found_still_locked(project: Path) -> None:
    edit(project / "pyproject.toml", '"pytest>=9"', "")

    assert find_problems(project) == [
        "requirements/dev.txt was made of other requirements: run `make lock`."
    ]


def test_a_pin_outside_its_requirement_is_found(project: Path) -> None:
    edit(project / "requirements/uv.txt", "uv==0.13.9", "uv==0.12.0")

    assert find_problems(project) == [
        "requirements/uv.txt pins uv outside of uv>=0.13: run `make lock`."
    ]


def test_a_missing_lock_is_found(project: Path) -> None:
    (project / "requirements/uv.txt").unlink()

    assert find_problems(project) == ["requirements/uv.txt is missing: run `make lock`."]


def test_a_pin_without_a_hash_is_found(project: Path) -> None:
    edit(project / "requirements/uv.txt", f" \\\n{HASH}", "\n")

    assert find_problems(project) == ["requirements/uv.txt has no hash for uv: run `make lock`."]


def test_a_requirement_that_is_not_pinned_is_found(project: Path) -> None:
    edit(project / "requirements/uv.txt", "uv==0.13.9", "uv>=0.13.9")

    assert find_problems(project) == [
        "requirements/uv.txt does not pin uv to one version: run `make lock`."
    ]


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://packages.example/simple",
        "-i //packages.example",
        "--find-links ./wheels",
        "# from https://packages.example/simple",
    ],
)
def test_an_address_in_a_lock_is_found(project: Path, line: str) -> None:
    path = project / "requirements/uv.txt"
    path.write_text(f"{path.read_text()}{line}\n")

    assert "requirements/uv.txt names an address or an option; a lock holds pins only." in (
        find_problems(project)
    )


def test_another_version_under_test_than_deployed_is_found(project: Path) -> None:
    edit(project / "requirements/dev.txt", "starlette==1.10.0", "starlette==1.9.0")

    assert find_problems(project) == [
        "requirements/dev.txt does not test the deployed version of starlette: run `make lock`."
    ]


def test_what_the_lambda_runtime_provides_is_kept_out_of_the_artifact(project: Path) -> None:
    for name in ("functions/requirements.txt", "requirements/dev.txt"):
        path = project / name
        path.write_text(path.read_text() + f"boto3==1.44.5 \\\n{HASH}")

    assert find_problems(project) == [
        "functions/requirements.txt holds boto3, which the Lambda runtime provides: "
        "drop what requires it."
    ]
