"""Requests in Azure's form, and what is left of it behind the layer that translates them."""

from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from api.azure import AzureRequests, client_path

SEGMENTS = st.lists(st.text("abcxyz_-.:/% \né", min_size=1), min_size=1)
PAIRS = st.lists(st.sampled_from(["limit=5", "include[]=a%20b", "order=asc", "x", "=", "a=b=c"]))


async def receive() -> Message:
    """Give what a server gives."""
    return {"type": "http.request", "body": b"body", "more_body": False}


async def send(_message: Message) -> None:
    """Take what the application answers."""


def arrived(scope: Scope) -> Scope:
    """Return the request as it arrives behind the layer, with the server's own channels."""
    seen: list[Scope] = []

    async def application(scope: Scope, given_receive: Receive, given_send: Send) -> None:
        assert (given_receive, given_send) == (receive, send)
        seen.append(scope)

    coroutine = AzureRequests(application)(scope, receive, send)
    with pytest.raises(StopIteration):
        coroutine.send(None)
    (found,) = seen
    return found


def request(path: str, query: str = "", headers: Mapping[str, str] | None = None) -> Scope:
    """Return a request as a server describes it (ASGI, "HTTP Connection Scope")."""
    return {
        "type": "http",
        "method": "GET",
        "scheme": "https",
        "server": ("api.test", 443),
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
        "state": {},
    }


def path_of(scope: Scope) -> str:
    """Return the path behind the layer."""
    path: str = arrived(scope)["path"]
    return path


def query_of(query: str) -> str:
    """Return what is left of a query behind the layer."""
    left: bytes = arrived(request("/openai/threads", query))["query_string"]
    return left.decode()


def headers_of(**headers: str) -> list[tuple[str, str]]:
    """Return the headers behind the layer; `_` in a name stands for `-`."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    found = arrived(request("/openai/threads", headers=given))["headers"]
    return [(name.decode(), value.decode()) for name, value in found]


@pytest.mark.parametrize(
    ("azure", "openai"),
    [
        ("/openai/assistants", "/v1/assistants"),
        ("/openai/threads/thread_1/runs", "/v1/threads/thread_1/runs"),
        ("/openai/v1/threads", "/v1/threads"),
        ("/openai/v1/models/meta/llama-3:8b", "/v1/models/meta/llama-3:8b"),
        ("/openai/deployments/gpt-4o/threads/runs", "/v1/threads/runs"),
        ("/openai/deployments/my.gpt_4/models", "/v1/models"),
    ],
)
def test_a_path_of_azures_becomes_openais(azure: str, openai: str) -> None:
    assert path_of(request(azure)) == openai


@given(SEGMENTS)
def test_the_three_forms_of_a_path_are_one(segments: list[str]) -> None:
    resource = "/".join(["threads", *segments])
    forms = [f"/openai/{resource}", f"/openai/v1/{resource}", f"/openai/deployments/d/{resource}"]
    for form in forms:
        found = arrived(request(form))
        assert found["path"] == f"/v1/{resource}"
        assert client_path(Request(found)) == form


@pytest.mark.parametrize("path", ["/openai/v1", "/openai/deployments", "/openai/deployments/x"])
def test_a_path_without_a_resource_leads_to_none(path: str) -> None:
    assert path_of(request(path)) == path.replace("/openai", "/v1")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/threads",
        "/openai",
        "/openai/",
        "/openaix/threads",
        "/v1/openai/threads",
        "/health",
        "/",
    ],
)
def test_any_other_request_passes_unchanged(path: str) -> None:
    given_scope = request(path, "api-version=1", {"api-key": "k"})
    assert arrived(given_scope) is given_scope
    assert client_path(Request(given_scope)) == path


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_what_is_no_http_request_passes_unchanged(kind: str) -> None:
    scope: Scope = {"type": kind} if kind == "lifespan" else {**request("/openai/t"), "type": kind}
    assert arrived(scope) is scope


def test_outer_layers_keep_the_request_as_it_was() -> None:
    scope = request("/openai/threads", "api-version=1", {"api-key": "k"})
    found = arrived(scope)
    assert scope == request("/openai/threads", "api-version=1", {"api-key": "k"})
    assert found["state"] is scope["state"]
    assert (found["method"], found["server"]) == (scope["method"], scope["server"])


@pytest.mark.parametrize(
    "version", ["2024-02-15-preview", "2025-04-01-preview", "preview", "", "?"]
)
def test_the_version_is_dropped_whichever_it_is(version: str) -> None:
    assert query_of(f"api-version={version}") == ""


@given(PAIRS, PAIRS)
@example([], [])
@example(["after=msg_1"], ["after=msg_2"])
def test_the_rest_of_the_query_stays_as_it_was_written(before: list[str], after: list[str]) -> None:
    assert query_of("&".join([*before, "api-version=1", *after])) == "&".join(before + after)


@pytest.mark.parametrize("pair", ["api%2Dversion=1", "api-version", "api-version=1&api-version=2"])
def test_the_version_is_known_however_it_is_written(pair: str) -> None:
    assert query_of(f"{pair}&limit=5") == "limit=5"


def test_the_key_becomes_a_bearer_token() -> None:
    assert headers_of(api_key="sk-1", x_mine="yes") == [
        ("x-mine", "yes"),
        ("authorization", "Bearer sk-1"),
    ]


@pytest.mark.parametrize("authorization", ["Bearer sk-2", "Basic abc", ""])
def test_an_authorization_header_goes_before_the_key(authorization: str) -> None:
    found = headers_of(api_key="sk-1", authorization=authorization)
    assert found == [("authorization", authorization)]


def test_a_key_in_the_url_is_none() -> None:
    found = arrived(request("/openai/threads", "api-key=sk-1&subscription-key=sk-1"))
    assert found["headers"] == []
