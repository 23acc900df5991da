"""The playground's page: its files as they are served. What it does is shown in a browser."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from api.app import create_app
from tests.integration.api.support import refused

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "functions" / "api" / "playground"
CLIENT = ROOT / "clients" / "javascript" / "src"
# What a script says after `from` or `import`, at the end of a statement.
_IMPORTED = re.compile(r'(?:from|import)\s+"([^"]+)";')


@pytest.fixture(scope="module")
def anonymous() -> TestClient:
    """A client without a key, of an application that has nothing behind it."""
    return TestClient(create_app())


class Addresses(HTMLParser):
    """Gathers what a page refers to, and whether it holds scripts or styles of its own."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element."""
        given = dict(attrs)
        self.found += [value for name, value in attrs if name in ("src", "href") and value]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]


def open_page(client: TestClient) -> Response:
    response = client.get("/playground")
    assert response.status_code == 200
    return response


def files_of(client: TestClient) -> Iterator[str]:
    """Every path that a browser comes to from the page, which it loads behind a stage."""
    found = Addresses(open_page(client).text).found
    waiting = [urljoin("/live/playground", address) for address in found]
    seen: set[str] = set()
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        path = place.removeprefix("/live")
        yield path
        if path.endswith(".js"):
            imported = _IMPORTED.findall(client.get(path).text)
            waiting += [urljoin(place, address) for address in imported]


def test_the_page_is_open_to_all(anonymous: TestClient) -> None:
    page = open_page(anonymous)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>ThreadRunner playground</title>" in page.text


def test_whatever_the_page_loads_is_served_beside_it_and_nothing_else_is_there(
    anonymous: TestClient,
) -> None:
    paths = set(files_of(anonymous))
    assert all(anonymous.get(path).status_code == 200 for path in paths), paths
    served = {path.removeprefix("/playground/") for path in paths} | {"index.html"}
    there = {file.name for file in PAGE.iterdir() if file.is_file()}
    assert served == there | {f"client/{file.name}" for file in CLIENT.iterdir()}


def test_nothing_comes_from_another_origin(anonymous: TestClient) -> None:
    for path in (*files_of(anonymous), "/playground"):
        text = anonymous.get(path).text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://\w", text), path


def test_the_client_is_the_one_of_the_repository(anonymous: TestClient) -> None:
    for file in CLIENT.iterdir():
        assert anonymous.get(f"/playground/client/{file.name}").content == file.read_bytes()


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("main.js", "text/javascript; charset=utf-8"),
        ("client/threadrunner.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_a_file_says_what_it_is(anonymous: TestClient, name: str, media_type: str) -> None:
    headers = anonymous.get(f"/playground/{name}").headers
    assert headers["content-type"] == media_type
    assert headers["x-content-type-options"] == "nosniff"


def test_a_browser_runs_only_the_pages_own_scripts(anonymous: TestClient) -> None:
    page = open_page(anonymous)
    policy = dict(
        part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self' ws: wss:"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert Addresses(page.text).inline == []
    assert page.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/playground", "/playground/main.js"])
def test_a_file_that_the_browser_has_is_not_sent_again(anonymous: TestClient, path: str) -> None:
    first = anonymous.get(path)
    assert first.headers["cache-control"] == "no-cache"
    tag = first.headers["etag"]
    for known in (tag, f'"other", W/{tag}'):
        again = anonymous.get(path, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert anonymous.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_files_have_tags_of_their_own(anonymous: TestClient) -> None:
    tags = [anonymous.get(path).headers["etag"] for path in files_of(anonymous)]
    assert len(tags) == len(set(tags))


def test_a_slash_at_the_end_leads_to_the_page_behind_a_stage_too(anonymous: TestClient) -> None:
    response = anonymous.get("/playground/", follow_redirects=False)
    assert response.status_code == 308
    location = response.headers["location"]
    assert urljoin("https://api.test/live/playground/", location) == (
        "https://api.test/live/playground"
    )
    assert urlsplit(location).netloc == ""


@pytest.mark.parametrize(
    "name",
    ["nothing.js", "..%2Fapp.py", "client%2F..%2Fmain.js", "client", "client/", "%00"],
)
def test_nothing_but_the_pages_files_can_be_had(anonymous: TestClient, name: str) -> None:
    refused(anonymous.get(f"/playground/{name}"), 404)


def test_the_documents_name_the_page(anonymous: TestClient) -> None:
    description = anonymous.get("/v1/openapi.json").json()["info"]["description"]
    (link,) = re.findall(r"\]\(([^)]+)\)", description)
    # Relative to /docs, where it is shown.
    assert urljoin("/live/docs", link) == "/live/playground"
