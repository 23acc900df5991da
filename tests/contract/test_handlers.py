"""Handlers of the SDK's streams are told the same by the client's subscriptions, old SDK or new."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import websockets

from tests.contract.programs import ROOT, Sdk, find_python_sdks

_PACKAGES = Path(websockets.__file__).resolve().parents[1]
_BEFORE_OUTPUTS = [
    "on_run_step_created step_1",
    "on_tool_call_created ",
    'on_tool_call_delta {"up" {"up"',
    'on_tool_call_delta : 1} {"up": 1}',
    'on_tool_call_done {"up": 1}',
    "on_end",
]
_AFTER_OUTPUTS = [
    "on_run_step_done step_1",
    "on_run_step_created step_2",
    "on_message_created msg_1",
    "on_text_created Clear",
    "on_text_delta Clear Clear",
    "on_text_delta  skies. Clear skies.",
    "on_text_done Clear skies.",
    "on_message_done msg_1",
    "on_run_step_done step_2",
    "on_end",
]


@pytest.mark.parametrize("sdk", find_python_sdks(), ids=str)
def test_a_handler_is_told_everything_in_the_sdks_own_words(sdk: Sdk) -> None:
    assert sdk.directory.is_dir(), f"{sdk} is not installed: run `make setup-sdks`."
    environment = os.environ | {"PYTHONPATH": str(ROOT / "clients" / "python")}
    command = [str(sdk.directory / "bin" / "python"), "-m", "tests.contract.handling"]
    result = subprocess.run(
        [*command, str(_PACKAGES)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["version"].split(".")[0] == sdk.major
    for told in report["told"]:
        assert told == [_BEFORE_OUTPUTS, _AFTER_OUTPUTS]
