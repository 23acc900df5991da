"""Short words for what the API's tests do over and over."""

from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def created(response: Response) -> Any:
    """Return what a request made."""
    assert response.status_code == 200, response.text
    return response.json()


def refused(response: Response, status: int = 400) -> Any:
    """Return the error of a request that was refused."""
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


# Fields of an upload's form.
EXPIRY: dict[str, Any] = {
    "expires_after[anchor]": "created_at",
    "expires_after[seconds]": "3600",
}
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def upload(
    client: TestClient,
    content: bytes = b"Hello.",
    filename: str = "a.txt",
    content_type: str = "text/plain",
    **fields: str,
) -> Response:
    """Send a file."""
    return client.post(
        "/v1/files",
        data={"purpose": "assistants", **fields},
        files={"file": (filename, content, content_type)},
    )


def make_file(client: TestClient, content: bytes = b"Hello.", **fields: str) -> str:
    """Upload a file, and return its id."""
    return str(created(upload(client, content, **fields))["id"])


def make_assistant(client: TestClient, **fields: Any) -> str:
    """Create an assistant, and return its id."""
    body = {"model": "test-model", **fields}
    return str(created(client.post("/v1/assistants", json=body))["id"])


def make_thread(client: TestClient, *texts: str) -> str:
    """Create a thread with user messages, and return its id."""
    body = {"messages": [{"role": "user", "content": text} for text in texts]}
    return str(created(client.post("/v1/threads", json=body))["id"])


def make_run(client: TestClient, thread_id: str, assistant_id: str, **fields: Any) -> Any:
    """Create a run, and return it."""
    body = {"assistant_id": assistant_id, **fields}
    return created(client.post(f"/v1/threads/{thread_id}/runs", json=body))
