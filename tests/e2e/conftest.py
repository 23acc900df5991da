"""The stacks that the end-to-end tests run on: their own, on ports of their own.

Each is started by the first test that asks for it and ended with the test session; its logs stay
in its directory, `.local/e2e…`, for when a test fails.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.local.info import StackInfo
from infra.local.options import StackOptions
from infra.local.stack import LocalStack
from tests.support.http_service import Exchange, HttpService, Received, http_service

_LOCAL = Path(__file__).resolve().parents[2] / ".local"


@contextmanager
def _claimed_directory(name: str) -> Iterator[Path]:
    """A directory that no other test session uses now; sessions may run at the same time."""
    for number in count(1):
        directory = _LOCAL / (name if number == 1 else f"{name}-{number}")
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / "session.lock").open("w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield directory
            return


@contextmanager
def _fresh_stack(name: str, options: StackOptions) -> Iterator[LocalStack]:
    with _claimed_directory(name) as directory:
        stack = LocalStack(directory, options)
        # What an earlier session left when it was killed is not built upon.
        stack.down()
        try:
            stack.up()
            yield stack
        finally:
            stack.down()


def _find_nothing_but_tides(exchange: Exchange, request: Received) -> None:
    query = parse_qs(urlsplit(request.target).query)
    found = {"title": "Tides", "url": "https://tides.example/", "content": f"For {query['q'][0]}."}
    answer = {"results": [found], "unresponsive_engines": []}
    exchange.answer(200, json.dumps(answer).encode(), Content_Type="application/json")


@pytest.fixture(scope="session")
def searxng() -> Iterator[HttpService]:
    """A service that answers as an instance of SearXNG does."""
    with http_service(_find_nothing_but_tides) as service:
        yield service


@pytest.fixture(scope="session")
def local_stack(searxng: HttpService) -> Iterator[LocalStack]:
    """A local stack with the scripted model, whatever the environment says about models."""
    search = {
        "WebSearchProvider": "searxng",
        "WebSearchUrl": f"http://127.0.0.1:{searxng.port}",
    }
    with _fresh_stack("e2e", StackOptions(parameters=search)) as stack:
        yield stack


@pytest.fixture(scope="session")
def stack(local_stack: LocalStack) -> StackInfo:
    """What is known of that stack: addresses, keys, resources."""
    return _info(local_stack)


@pytest.fixture(scope="session")
def stack_with_auth() -> Iterator[StackInfo]:
    """A local stack whose emulator enforces the functions' IAM policies."""
    with _fresh_stack("e2e-auth", StackOptions(auth=True)) as stack:
        yield _info(stack)


def _info(stack: LocalStack) -> StackInfo:
    info = stack.running_info()
    assert info is not None
    return info
