"""The JavaScript client in Node: its own tests, its types, and a network that does its worst."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.environments import node_version
from tests.contract.programs import SDKS
from tests.contract.unreliable import KEY, serve_unreliably

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "javascript"
DECLARATIONS = CLIENT / "threadrunner.d.ts"
TESTS = CLIENT / "test"
COMPILER = SDKS / "node" / "node_modules" / "typescript" / "bin" / "tsc"
# Node has had a WebSocket of its own since 22; in 20, it takes a word.
_FIRST_WITH_WEBSOCKET = 22
_SECONDS = 120
_EVENTS = 300


def run_node(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Node; what it reads from the environment comes from `variables` alone."""
    kept = {name: value for name, value in os.environ.items() if name != "NODE_OPTIONS"}
    return subprocess.run(
        ["node", *arguments],
        env=kept | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def with_websocket() -> list[str]:
    """Return the option that gives this Node a WebSocket, if it needs one."""
    major = int(node_version().removeprefix("v").split(".", 1)[0])
    return [] if major >= _FIRST_WITH_WEBSOCKET else ["--experimental-websocket"]


@pytest.mark.parametrize("name", sorted(path.name for path in TESTS.glob("*.test.mjs")))
def test_its_own_tests_pass(name: str) -> None:
    result = run_node("--test", "--test-reporter=spec", TESTS / name)
    assert result.returncode == 0, result.stdout[-4000:]
    assert int(re.findall(r"pass (\d+)", result.stdout)[-1]) > 10


# The SDK's declarations are taken as they are: to check them as well takes ten seconds more.
@pytest.mark.parametrize(
    "checked",
    [
        ("--noEmit", "--strict", "--skipDefaultLibCheck", "--target", "es2022", DECLARATIONS),
        ("--project", TESTS / "tsconfig.json"),
    ],
    ids=["by themselves", "in use, beside those of the SDK"],
)
def test_its_types_are_right(checked: tuple[str | Path, ...]) -> None:
    assert COMPILER.is_file(), "The compiler is not installed: run `make setup-sdks`."
    result = run_node(COMPILER, *checked)
    assert result.returncode == 0, result.stdout


def test_what_is_declared_is_what_there_is() -> None:
    values = "import * as client from './src/threadrunner.js'; console.log(Object.keys(client))"
    exported = run_node("--input-type=module", "--eval", values.replace("./", f"{CLIENT}/"))
    assert exported.returncode == 0, exported.stderr
    declared = re.findall(r"^export class (\w+)", DECLARATIONS.read_text(), re.M)
    assert sorted(re.findall(r"'(\w+)'", exported.stdout)) == sorted(declared)


def test_the_package_names_files_that_there_are_and_needs_no_other() -> None:
    package: dict[str, Any] = json.loads((CLIENT / "package.json").read_text())
    named = [*package["exports"]["."].values(), package["types"], *package["files"]]
    assert all((CLIENT / name).exists() for name in named)
    assert not {"dependencies", "peerDependencies", "devDependencies"} & package.keys()


@pytest.mark.parametrize("seed", range(4))
def test_a_bad_network_changes_nothing_about_the_events(seed: int) -> None:
    with serve_unreliably(seed, _EVENTS) as (server, base_url):
        result = run_node(*with_websocket(), TESTS / "follow.mjs", base_url, API_KEY=KEY)
    assert result.returncode == 0, result.stderr[-4000:]
    *events, summary = (json.loads(line) for line in result.stdout.splitlines())
    assert [(event["id"], event["data"]) for event in events] == [
        (event["id"], event["data"]) for event in server.log
    ]
    assert list(server.created.values()) == [3]
    assert summary["status"]["connections"] == server.connections > 2
    assert summary["status"]["duplicates"] > 0
    assert all(KEY not in path for path in server.paths)
