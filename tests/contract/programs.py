"""The programs: each in a process and an environment of its own, with a service of its own."""

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.contract.python.scenarios import SCENARIOS
from tests.contract.service import Service, ServiceError, serve

ROOT = Path(__file__).resolve().parents[2]
SDKS = ROOT / ".local" / "sdks"
_NODE = ROOT / "tests" / "contract" / "node"
_NODE_SCENARIOS = ("scenarios.mjs", "streams.mjs")
_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Sdk:
    """A major version of one of OpenAI's SDKs."""

    language: Literal["python", "node"]
    major: str

    def __str__(self) -> str:
        return f"{self.language}-{self.major}"

    @property
    def directory(self) -> Path:
        """Where `make setup-sdks` installs it."""
        return SDKS / (f"openai-{self.major}" if self.language == "python" else "node")

    def command(self, root_url: str) -> list[str]:
        """Return what runs the program against a service."""
        if self.language == "python":
            python = str(self.directory / "bin" / "python")
            return [python, "-m", "tests.contract.python", root_url]
        main = str(_NODE / "main.mjs")
        return ["node", main, root_url, str(self.directory), f"openai-{self.major}"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a program reported.

    Attributes:
        version: the SDK's, as the SDK itself says.
        faults: by scenario, what went wrong.
        trouble: why the program ended before its last scenario, if it did.
    """

    version: str = ""
    faults: dict[str, list[str]] = field(default_factory=dict)
    trouble: str = ""


def find_python_sdks() -> list[Sdk]:
    """Return the versions that have a lock."""
    locks = (ROOT / "requirements").glob("sdk-openai-*.txt")
    return [Sdk("python", major) for major in sorted(lock.stem.split("-")[-1] for lock in locks)]


def find_node_sdks() -> list[Sdk]:
    """Return the versions that the manifest names."""
    manifest = json.loads((_NODE / "package.json").read_text(encoding="utf-8"))
    names = [name for name in manifest["dependencies"] if name.startswith("openai-")]
    return [Sdk("node", name.split("-")[-1]) for name in names]


def python_scenarios() -> list[str]:
    """Return the scenarios of the programs in Python."""
    return list(SCENARIOS)


def node_scenarios() -> list[str]:
    """Return the scenarios of the programs for Node, as they stand in the source."""
    sources = [(_NODE / name).read_text(encoding="utf-8") for name in _NODE_SCENARIOS]
    return re.findall(r'^scenario\("(\w+)"', "".join(sources), re.MULTILINE)


def run_program(sdk: Sdk) -> Outcome:
    """Run all scenarios with an SDK, against a service of its own."""
    if not sdk.directory.is_dir():
        return Outcome(trouble=f"{sdk} is not installed: run `make setup-sdks`.")
    try:
        with serve() as service:
            return _run(sdk, service)
    except (OSError, ServiceError, subprocess.TimeoutExpired) as error:
        return Outcome(trouble=f"{sdk}: {error}")


def _run(sdk: Sdk, service: Service) -> Outcome:
    # No setting of whoever runs the tests may reach the SDKs.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENAI_", "AZURE_")) and name not in ("PYTHONPATH", "NODE_OPTIONS")
    }
    result = subprocess.run(
        sdk.command(service.root_url),
        cwd=ROOT,
        env=environment | {"OPENAI_API_KEY": service.api_key},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    trouble = "" if result.returncode == 0 else f"exit code {result.returncode}: {result.stderr}"
    return _read_report(result.stdout, trouble)


def _read_report(text: str, trouble: str) -> Outcome:
    lines = [json.loads(line) for line in text.splitlines()]
    version = next((line["version"] for line in lines if "version" in line), "")
    faults = {line["scenario"]: line["faults"] for line in lines if "scenario" in line}
    return Outcome(version, faults, trouble)
