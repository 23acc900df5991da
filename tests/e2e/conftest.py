"""The stacks that the end-to-end tests run on: their own, on ports of their own.

Each is started by the first test that asks for it and ended with the test session; its logs stay
in its directory, `.local/e2e…`, for when a test fails.
"""

import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.local.info import StackInfo
from infra.local.options import StackOptions
from infra.local.stack import LocalStack
from tests.support.http_service import Exchange, HttpService, Received, http_service
from tests.support.stacks import fresh_stack, info_of


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
    with fresh_stack("e2e", StackOptions(parameters=search)) as stack:
        yield stack


@pytest.fixture(scope="session")
def stack(local_stack: LocalStack) -> StackInfo:
    """What is known of that stack: addresses, keys, resources."""
    return info_of(local_stack)


@pytest.fixture(scope="session")
def stack_with_auth() -> Iterator[StackInfo]:
    """A local stack whose emulator enforces the functions' IAM policies."""
    with fresh_stack("e2e-auth", StackOptions(auth=True)) as stack:
        yield info_of(stack)
