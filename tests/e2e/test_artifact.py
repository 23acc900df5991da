"""The artifact by itself, as Lambda finds it: only the standard library and boto3 are beside it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from infra.local.build import build_artifact
from infra.local.environment import REGION, process_environment
from infra.local.health import answers, wait_until
from infra.local.ports import HOST, choose_port
from infra.local.processes import Processes
from infra.local.tools import Tools

ROOT = Path(__file__).resolve().parents[2]
PLAYGROUND = ROOT / "functions" / "api" / "playground"
# What Lambda's Python runtimes bring.
RUNTIME_PACKAGES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3")


class TemplateLoader(yaml.SafeLoader):
    """Reads CloudFormation's YAML, whose tags do not matter here."""


TemplateLoader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


def list_handlers() -> list[str]:
    """The handlers of the template's functions."""
    template = yaml.load((ROOT / "template.yaml").read_text(), TemplateLoader)
    return [
        resource["Properties"]["Handler"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked artifact."""
    directory = tmp_path_factory.mktemp("build")
    processes = Processes(directory, process_environment(os.environ, str(directory)))
    template = build_artifact(Tools(ROOT), processes, print).template
    (archive,) = template.parent.glob("*.zip")
    with zipfile.ZipFile(archive) as file:
        file.extractall(directory / "artifact")
    return directory / "artifact"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of the Lambda runtime, and none of our others."""
    directory = tmp_path_factory.mktemp("runtime")
    installed = Path(yaml.__file__).parents[1]
    for name in RUNTIME_PACKAGES:
        (directory / name).symlink_to(installed / name)
    return directory


def is_script(handler: str) -> bool:
    """Whether a handler is what starts a web server, and not a function."""
    return handler.endswith(".sh")


def test_all_functions_are_built_from_one_artifact() -> None:
    assert len(list_handlers()) == len(set(list_handlers())) == 7
    assert len([handler for handler in list_handlers() if is_script(handler)]) == 1


@pytest.mark.parametrize("handler", [each for each in list_handlers() if not is_script(each)])
def test_a_handler_loads_from_the_artifact_alone(
    handler: str, artifact: Path, runtime: Path
) -> None:
    module, _, name = handler.rpartition(".")
    code = f"""
import importlib, sys
sys.path[:0] = [{str(artifact)!r}]
sys.path.append({str(runtime)!r})
module = importlib.import_module({module!r})
assert callable(getattr(module, {name!r}))
assert module.__file__.startswith({str(artifact)!r}), module.__file__
"""
    environment = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}

    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert loaded.returncode == 0, loaded.stderr


def test_the_streaming_function_serves_the_api_from_the_artifact_alone(
    artifact: Path, runtime: Path, tmp_path: Path
) -> None:
    (handler,) = [each for each in list_handlers() if is_script(each)]
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    port = choose_port(None)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "LAMBDA_TASK_ROOT": str(artifact),
        "LAMBDA_RUNTIME_DIR": str(runtime),
        "AWS_LWA_PORT": str(port),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }
    with subprocess.Popen(["bash", str(artifact / handler)], env=environment) as server:
        try:
            # As the adapter does.
            up = wait_until(
                lambda: answers(f"http://{HOST}:{port}/health"),
                seconds=60,
                alive=lambda: server.poll() is None,
            )
        finally:
            server.terminate()
    assert up


def test_the_playground_is_whole_in_the_artifact(artifact: Path) -> None:
    for folder, place in ((PLAYGROUND, "."), (PLAYGROUND / "client", "client")):
        for file in (path for path in folder.iterdir() if path.is_file()):
            packed = artifact / "api" / "playground" / place / file.name
            assert packed.read_bytes() == file.read_bytes()
            assert not packed.is_symlink()
