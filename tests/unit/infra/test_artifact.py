"""What is done to an artifact before it travels."""

import importlib.util
import subprocess
from pathlib import Path

import pytest

from infra.artifact import finish_artifact


def test_the_bytecode_is_taken_as_it_is_whatever_happened_to_its_source(tmp_path: Path) -> None:
    module = tmp_path / "answer.py"
    module.write_text("VALUE = 42\n")
    finish_artifact(tmp_path)
    module.write_text("VALUE = 'compiled again'\n")

    bytecode = Path(importlib.util.cache_from_source(str(module))).name
    spec = importlib.util.spec_from_file_location("answer", tmp_path / "__pycache__" / bytecode)
    assert spec is not None
    assert spec.loader is not None
    answer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(answer)

    assert answer.VALUE == 42
    # PEP 552: bit 0 says that the bytecode goes by a hash, bit 1 that it is compared.
    assert (tmp_path / "__pycache__" / bytecode).read_bytes()[4] == 0b01


def test_a_module_that_does_not_compile_is_found_before_it_is_deployed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.py").write_text("def (:\n")

    with pytest.raises(subprocess.CalledProcessError):
        finish_artifact(tmp_path)

    assert "broken.py" in capfd.readouterr().out


def test_the_sdk_that_the_runtime_brings_is_left_out(tmp_path: Path) -> None:
    for package in ("boto3", "botocore", "botocore-1.44.5.dist-info", "botocore_extras", "core"):
        (tmp_path / package).mkdir()

    finish_artifact(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["botocore_extras", "core"]
