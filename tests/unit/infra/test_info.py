"""The file that tells clients where the stack is."""

import stat
from pathlib import Path

import pytest

from infra.local.info import ModelInfo, StackInfo, read_info, write_info

INFO = StackInfo(
    base_url="http://127.0.0.1:8000/v1",
    gateway_base_url="http://127.0.0.1:4566/_aws/execute-api/abc/live/v1",
    websocket_url="ws://127.0.0.1:4566/_aws/execute-api/def/live",
    api_key="sk-proj-1",
    admin_key="sk-admin-1",
    project_id="proj_1",
    model=ModelInfo("http://127.0.0.1:9000/v1", "scripted", scripted=True),
    emulator_url="http://127.0.0.1:4566",
    region="us-east-1",
    auth=False,
    outputs={"StateTableName": "t"},
    pids={"api": 1},
    deployment="0123456789abcdef",
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_info(tmp_path / "stack.json", INFO)

    assert read_info(tmp_path / "stack.json") == INFO


def test_only_the_owner_may_read_the_keys(tmp_path: Path) -> None:
    path = tmp_path / "stack.json"
    path.write_text("older, and open to all")
    path.chmod(0o644)

    write_info(path, INFO)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_missing_file_means_no_stack(tmp_path: Path) -> None:
    assert read_info(tmp_path / "stack.json") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"model": {}}', '{"model": 1}'])
def test_a_damaged_file_means_no_stack(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.json").write_text(text)

    assert read_info(tmp_path / "stack.json") is None


def test_the_keys_are_not_in_what_is_printed_of_a_stack() -> None:
    assert "sk-" not in repr(INFO)
