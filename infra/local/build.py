"""Builds the artifact with `sam build`, once for each state of the sources.

Builds are kept under `.local/build/`, named by the digest of what they are made of, so that any
number of stacks share one, and one that nothing changed for costs nothing.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.local.archives import share_archives
from infra.local.errors import StackError
from infra.local.locking import locked
from infra.local.processes import Processes
from infra.local.sources import digest_sources
from infra.local.tools import Tools

_KEPT_BUILDS = 3
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished build.

    Attributes:
        key: The digest of its sources.
        template: The built template.
    """

    key: str
    template: Path


def build_artifact(tools: Tools, processes: Processes, say: Callable[[str], None]) -> Artifact:
    """Return the artifact of the sources as they are now, building it if there is none yet.

    Args:
        tools: The SAM CLI, and the Python to build for.
        processes: What runs it, and keeps its log.
        say: Is told if a build is needed.

    Raises:
        StackError: `sam build` failed.
    """
    builds = tools.root / ".local" / "build"
    with locked(builds / "lock"):
        key = _digest(tools)
        if not (builds / key).exists():
            say("Building the artifact")
            key = _build(tools, processes, builds)
        os.utime(builds / key)
        _drop_old_builds(builds)
        return Artifact(key, builds / key / "template.yaml")


def _digest(tools: Tools) -> str:
    return digest_sources(tools.root, tools.runtime, tools.architecture)


def _build(tools: Tools, processes: Processes, builds: Path) -> str:
    """Build the sources as they are; return their digest."""
    for _ in range(_ATTEMPTS):
        key = _digest(tools)
        output = _run_sam_build(tools, processes, builds / "workspace")
        if _digest(tools) == key:
            share_archives(output)
            shutil.rmtree(builds / key, ignore_errors=True)
            output.rename(builds / key)
            return key
    raise StackError("The sources kept changing while they were built: try again.")


def _run_sam_build(tools: Tools, processes: Processes, workspace: Path) -> Path:
    workspace.mkdir(parents=True, exist_ok=True)
    # Not inside the workspace: the built template names files of the project relative to itself.
    output = workspace.parent / "unfinished"
    shutil.rmtree(output, ignore_errors=True)
    command: list[str | Path] = [
        tools.sam,
        "build",
        "--template-file",
        tools.root / "template.yaml",
        "--build-dir",
        output,
        # Keeps the installed dependencies while their lock stays the same.
        "--cached",
        "--cache-dir",
        workspace / "cache",
        "--parameter-overrides",
        f"RuntimeVersion={tools.runtime}",
        f"Architecture={tools.architecture}",
    ]
    path = f"{tools.python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    variables = {
        "PATH": path,
        # The functions share one folder, instead of getting a copy of it each.
        "SAM_CLI_BETA_BUILD_PERFORMANCE": "1",
        "SAM_CLI_TELEMETRY": "0",
    }
    if processes.run("sam-build", command, directory=workspace, variables=variables) != 0:
        tail = processes.log_tail("sam-build")
        raise StackError(f"`sam build` failed; it says:\n{tail}")
    return output


def _drop_old_builds(builds: Path) -> None:
    finished = [path.parent for path in builds.glob("*/template.yaml")]
    finished.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in finished[_KEPT_BUILDS:]:
        shutil.rmtree(path, ignore_errors=True)
