"""`python -m infra.local.scripted_model` as a process."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[3]
HELLO = {"model": "m", "messages": [{"role": "user", "content": "swordfish"}], "stream": True}
KEY = {"Authorization": "Bearer secret-key"}


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command; yield its process and its base URL."""
    command = [sys.executable, "-m", "infra.local.scripted_model", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())["base_url"]
        finally:
            process.kill()


def test_the_command_says_where_it_serves_and_logs_nothing_of_what_it_serves() -> None:
    with running("--port", "0", "--tokens-per-second", "5000", "--api-key", "secret-key") as (
        process,
        base_url,
    ):
        assert base_url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{base_url}/models", trust_env=False).status_code == 401
        answer = httpx.post(
            f"{base_url}/chat/completions", json=HELLO, headers=KEY, trust_env=False
        )
        assert "data: [DONE]" in answer.text

        process.terminate()
        output, errors = process.communicate(timeout=10)

    assert (output, errors) == ("", "")
    assert process.returncode == -signal.SIGTERM


def test_the_command_ends_quietly_and_at_once_on_an_interrupt_while_it_answers() -> None:
    with running("--port", "0", "--tokens-per-second", "1") as (process, base_url):
        with httpx.stream(
            "POST", f"{base_url}/chat/completions", json=HELLO, headers=KEY, trust_env=False
        ) as answer:
            assert answer.status_code == 200
            begun = time.monotonic()
            process.send_signal(signal.SIGINT)
            _output, errors = process.communicate(timeout=10)

        assert time.monotonic() - begun < 5
        assert errors == ""
        assert process.returncode == 0


def test_the_command_says_what_is_wrong_with_its_options() -> None:
    with running("--port", "0") as (_process, base_url):
        port = base_url.split(":")[2].removesuffix("/v1")
        for options, complaint in (
            (["--port", port], f"cannot serve on 127.0.0.1, port {port}: "),
            (["--port", "0", "--tokens-per-second", "0"], "must be above 0"),
            (["--port", "123456"], "cannot serve on 127.0.0.1, port 123456"),
            ([], "--port"),
        ):
            command = [sys.executable, "-m", "infra.local.scripted_model", *options]
            failed = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
            )
            assert failed.returncode == 2
            assert complaint in failed.stderr
            assert failed.stdout == ""
