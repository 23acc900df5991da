"""What each function loads: heavy packages only where they are used."""

import subprocess
import sys
from pathlib import Path

import pytest

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"
HEAVY = {"openai", "fastapi", "mangum", "httpcore2", "httpx2", "starlette", "yaml"}


@pytest.mark.parametrize(
    ("module", "loaded"),
    [
        ("api.handler", {"fastapi", "mangum", "starlette"}),
        ("api.websocket", set()),
        ("runner.handler", set()),
        ("runner.timers", set()),
        ("runner.dead_letters", set()),
        ("tool_worker.handler", {"httpcore2"}),
        ("adapters.model", {"openai", "httpx2"}),
    ],
)
def test_a_function_loads_no_package_that_it_does_not_use(module: str, loaded: set[str]) -> None:
    program = f"import sys, {module}; print(*sorted(set(sys.modules) & {HEAVY!r}))"
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(FUNCTIONS), "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(found.stdout.split()) == loaded
