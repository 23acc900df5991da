"""What goes wrong at the edge is said in OpenAI's shape, and changes nothing."""

from typing import Any

import httpx
import pytest
import websockets.exceptions
import websockets.sync.client

from infra.local.info import StackInfo


@pytest.fixture(params=["uvicorn", "gateway"])
def base_url(request: pytest.FixtureRequest, stack: StackInfo) -> str:
    """Each of the two ways to the API."""
    return stack.base_url if request.param == "uvicorn" else stack.gateway_base_url


def send(
    method: str, url: str, key: str | None, *, json: Any = None, content: bytes | None = None
) -> httpx.Response:
    """Send a request as a program without the SDK would."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    if content is not None:
        headers["Content-Type"] = "application/json"
    return httpx.request(
        method, url, headers=headers, json=json, content=content, trust_env=False, timeout=60
    )


def error_of(response: httpx.Response) -> dict[str, Any]:
    """Return the error, which has OpenAI's shape."""
    body = response.json()
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert response.headers["x-request-id"]
    return error


@pytest.mark.parametrize("key", [None, "sk-wrong"])
def test_a_wrong_or_missing_key_is_a_401(base_url: str, key: str | None) -> None:
    response = send("GET", f"{base_url}/assistants", key)
    assert response.status_code == 401
    assert error_of(response)["code"] == "invalid_api_key"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/assistants/asst_none", "No assistant found with id 'asst_none'."),
        ("/threads/thread_none", "No thread found with id 'thread_none'."),
        ("/threads/thread_none/messages", "No thread found with id 'thread_none'."),
        ("/threads/thread_none/runs/run_none", "No thread found with id 'thread_none'."),
        ("/threads/a%23b", "No thread found with id 'a#b'."),
    ],
)
def test_an_unknown_id_is_a_404_in_openais_words(
    base_url: str, stack: StackInfo, path: str, words: str
) -> None:
    response = send("GET", base_url + path, stack.api_key)
    assert response.status_code == 404
    assert error_of(response)["message"] == words


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/assistants", {}, "model"),
        ("/assistants", {"model": 5}, "model"),
        ("/assistants", {"model": "m", "temperature": 3}, "temperature"),
        ("/assistants", {"model": "m", "unheard_of": 1}, "unheard_of"),
        ("/threads", {"messages": [{"role": "user"}]}, "messages[0].content"),
    ],
)
def test_an_invalid_field_is_a_400_that_names_it(
    base_url: str, stack: StackInfo, path: str, body: dict[str, Any], param: str
) -> None:
    response = send("POST", base_url + path, stack.api_key, json=body)
    assert response.status_code == 400
    assert error_of(response)["param"] == param


def test_a_body_that_is_no_json_is_a_400(base_url: str, stack: StackInfo) -> None:
    response = send("POST", f"{base_url}/assistants", stack.api_key, content=b"{broken")
    assert response.status_code == 400
    assert "JSON" in error_of(response)["message"]


def test_a_limit_beyond_its_maximum_is_refused_in_openais_words(
    base_url: str, stack: StackInfo
) -> None:
    response = send("GET", f"{base_url}/assistants?limit=101", stack.api_key)
    assert response.status_code == 400
    error = error_of(response)
    assert error["code"] == "integer_above_max_value"
    assert "Expected a value <= 100, but got 101 instead." in error["message"]


def test_an_admin_key_opens_no_project_and_a_projects_key_administers_nothing(
    base_url: str, stack: StackInfo
) -> None:
    assert send("GET", f"{base_url}/assistants", stack.admin_key).status_code == 403
    response = send("GET", f"{base_url}/organization/projects", stack.api_key)
    assert response.status_code == 403
    error_of(response)


def test_the_websocket_stays_closed_without_a_key(stack: StackInfo) -> None:
    for headers in ({}, {"Authorization": "Bearer sk-wrong"}):
        with pytest.raises(websockets.exceptions.InvalidStatus):
            websockets.sync.client.connect(
                stack.websocket_url, additional_headers=headers, proxy=None
            )
