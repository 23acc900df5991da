"""What the client's package loads: the OpenAI SDK is optional and slow, so only on demand."""

import subprocess
import sys
from pathlib import Path

import threadrunner_client

_ROOT = Path(threadrunner_client.__file__).resolve().parents[1]


def test_importing_the_client_loads_neither_the_sdk_nor_any_package_but_websockets() -> None:
    program = (
        "import sys; before = set(sys.modules); import threadrunner_client; "
        "tops = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(*sorted(tops - sys.stdlib_module_names))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        cwd=_ROOT,
        env={"PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.split() == ["threadrunner_client", "websockets"]


def test_the_public_names_are_sorted_and_exist() -> None:
    names = threadrunner_client.__all__
    assert names == sorted(names)
    assert all(hasattr(threadrunner_client, name) for name in names)


def test_the_package_says_that_it_is_typed() -> None:
    assert (_ROOT / "threadrunner_client" / "py.typed").is_file()
