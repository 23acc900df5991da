"""A function imports only what it uses: each import is paid at every cold start."""

import subprocess
import sys
from pathlib import Path

FUNCTIONS = Path(__file__).parents[3] / "functions"


def modules_after(statement: str) -> set[str]:
    """Return the top-level modules that a fresh process has after a statement."""
    script = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=FUNCTIONS,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_the_http_function_loads_neither_the_model_nor_its_client() -> None:
    loaded = modules_after("import api.handler")
    assert "fastapi" in loaded
    assert not loaded & {"openai", "httpx2", "runner", "tool_worker"}


def test_the_websocket_function_loads_no_web_framework() -> None:
    loaded = modules_after("import api.websocket")
    assert not loaded & {"fastapi", "starlette", "mangum", "openai", "runner", "tool_worker"}


def test_the_application_knows_nothing_of_lambda() -> None:
    assert "mangum" not in modules_after("import api.app")
