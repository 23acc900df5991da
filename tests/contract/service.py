"""Starts the service in a process of its own, and ends it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_ROOT = Path(__file__).resolve().parents[2]
_LONGEST_STOP_SECONDS = 20
_SHOWN_BYTES = 4000


class ServiceError(Exception):
    """The service did not start; the message ends with what it logged."""


@dataclass(frozen=True, slots=True)
class Service:
    """A running service.

    Attributes:
        root_url: the API's, the part before /v1.
        api_key: a key of its only project.
    """

    root_url: str
    api_key: str


@contextmanager
def serve() -> Iterator[Service]:
    """Run the service for as long as the context lasts.

    Raises:
        ServiceError: it did not start.
    """
    paths = os.pathsep.join((str(_ROOT / "functions"), str(_ROOT)))
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            [sys.executable, "-m", "tests.contract.server"],
            cwd=_ROOT,
            env=os.environ | {"PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        ) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        try:
            line = process.stdout.readline()
            if not line:
                raise ServiceError(f"The service did not start:\n{_end_of(log)}")
            yield Service(**json.loads(line))
        finally:
            process.stdin.close()
            try:
                process.wait(_LONGEST_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def _end_of(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read()[-_SHOWN_BYTES:].decode(errors="replace")
