"""How the output of `sam build` is zipped."""

import sys
import zipfile
from pathlib import Path

import pytest

from infra.local.archives import share_archives

TEMPLATE = """\
Globals:
  Function:
    CodeUri: functions/
Resources:
  ApiFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ApiFunction
      Handler: api.handler.handler
  RunnerFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: RunnerFunction
  OddFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: OddFunction
"""


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """What `sam build` leaves: two functions with the same code, and one with other code."""
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    for name, code in (("ApiFunction", "same"), ("RunnerFunction", "same"), ("OddFunction", "odd")):
        (tmp_path / name / "core" / "__pycache__").mkdir(parents=True)
        (tmp_path / name / "core" / "ids.py").write_text(code)
        (tmp_path / name / "core" / "__pycache__" / "ids.pyc").write_text(name)
        (tmp_path / name / ".mypy_cache").mkdir()
        (tmp_path / name / ".mypy_cache" / "ids.json").write_text(name)
    return tmp_path


def code_uris(output: Path) -> list[str]:
    """The CodeUri of each function, in the template's order."""
    lines = (output / "template.yaml").read_text().splitlines()
    return [line.split(": ")[1] for line in lines if line.startswith("      CodeUri")]


def test_functions_with_the_same_code_share_an_archive(output: Path) -> None:
    share_archives(output)

    api, runner, odd = code_uris(output)
    assert api == runner
    assert odd != api
    assert {path.name for path in output.iterdir()} == {"template.yaml", api, odd}


def test_an_archive_holds_the_code_at_its_root_and_no_leftovers_of_tools(output: Path) -> None:
    share_archives(output)

    with zipfile.ZipFile(output / code_uris(output)[0]) as archive:
        bytecode, source = archive.namelist()
        assert source == "core/ids.py"
        assert archive.read("core/ids.py") == b"same"
        assert bytecode.startswith(f"core/__pycache__/ids.{sys.implementation.cache_tag}")


def test_the_rest_of_the_template_stays_as_it_is(output: Path) -> None:
    share_archives(output)

    text = (output / "template.yaml").read_text()
    assert "    CodeUri: functions/\n" in text
    api, runner, odd = code_uris(output)
    restored = (
        text.replace(f"CodeUri: {odd}", "CodeUri: OddFunction")
        .replace(f"CodeUri: {api}", "CodeUri: ApiFunction", 1)
        .replace(f"CodeUri: {runner}", "CodeUri: RunnerFunction", 1)
    )
    assert restored == TEMPLATE


def test_functions_that_share_a_folder_share_its_archive(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(
        "      CodeUri: ApiFunction-Shared\n      CodeUri: ApiFunction-Shared\n"
    )
    (tmp_path / "ApiFunction-Shared").mkdir()
    (tmp_path / "ApiFunction-Shared" / "app.py").write_text("code")

    share_archives(tmp_path)

    api, runner = code_uris(tmp_path)
    assert api == runner
    with zipfile.ZipFile(tmp_path / api) as archive:
        assert "app.py" in archive.namelist()
