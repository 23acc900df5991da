"""What names a file must name one that is there, wherever in a request it stands."""

from typing import Any

import pytest
from botocore.client import BaseClient
from fastapi.testclient import TestClient

from tests.integration.api.support import (
    EXPIRY,
    PNG,
    created,
    make_assistant,
    make_file,
    make_thread,
    refused,
)
from tests.support.world import World


def attaching(file_id: str) -> Any:
    """A message with an attachment behind another."""
    return {"role": "user", "content": "Read.", "attachments": [{"file_id": file_id}]}


def showing(file_id: str) -> Any:
    """A message with an uploaded image."""
    image = {"type": "image_file", "image_file": {"file_id": file_id}}
    return {"role": "user", "content": [{"type": "text", "text": "Look."}, image]}


def listing(file_id: str) -> Any:
    """A message of the API's first version."""
    return {"role": "user", "content": "Read.", "file_ids": [file_id]}


def resources(file_id: str) -> Any:
    """What a code interpreter may read."""
    return {"code_interpreter": {"file_ids": [file_id]}}


WAYS = [
    pytest.param(attaching, "attachments[0].file_id", id="attachment"),
    pytest.param(showing, "content[1].image_file.file_id", id="image"),
    pytest.param(listing, "file_ids[0]", id="file_ids"),
]


@pytest.fixture
def gone(client: TestClient) -> str:
    """The id of a file that was deleted."""
    file = make_file(client, PNG)
    created(client.delete(f"/v1/files/{file}"))
    return file


def refuses(client: TestClient, path: str, body: Any, file_id: str, param: str) -> None:
    """Assert that a request is refused for a file that it names."""
    error = refused(client.post(path, json=body))
    assert error["message"] == f"No such File object: {file_id}"
    assert error["param"] == param


@pytest.mark.parametrize(("message", "param"), WAYS)
def test_a_message_names_files_that_are_there(
    client: TestClient, gone: str, message: Any, param: str
) -> None:
    path = f"/v1/threads/{make_thread(client)}/messages"
    refuses(client, path, message(gone), gone, param)
    refuses(client, path, message("file#1"), "file#1", param)
    assert created(client.get(path))["data"] == []
    file = make_file(client, PNG)
    found = created(client.post(path, json=message(file)))
    assert created(client.get(f"{path}/{found['id']}")) == found
    assert file in str(found)


@pytest.mark.parametrize(("message", "param"), WAYS)
def test_a_new_threads_messages_do_so_too(
    client: TestClient, gone: str, message: Any, param: str
) -> None:
    body = {"messages": [message(make_file(client, PNG)), message(gone)]}
    refuses(client, "/v1/threads", body, gone, f"messages[1].{param}")
    run = {"assistant_id": make_assistant(client), "thread": body}
    refuses(client, "/v1/threads/runs", run, gone, f"thread.messages[1].{param}")
    assert created(client.get("/v1/threads"))["data"] == []
    body["messages"].pop()
    created(client.post("/v1/threads/runs", json=run))


@pytest.mark.parametrize(("message", "param"), WAYS)
def test_a_runs_additional_messages_do_so_too(
    client: TestClient, world: World, gone: str, message: Any, param: str
) -> None:
    path = f"/v1/threads/{make_thread(client)}/runs"
    body = {"assistant_id": make_assistant(client), "additional_messages": [message(gone)]}
    refuses(client, path, body, gone, f"additional_messages[0].{param}")
    assert (created(client.get(path))["data"], world.queues.checks) == ([], [])
    body["additional_messages"] = [message(make_file(client, PNG))]
    created(client.post(path, json=body))


PARAM = "tool_resources.code_interpreter.file_ids[0]"


def test_tools_may_use_files_that_are_there(client: TestClient, gone: str) -> None:
    file = make_file(client)
    assistant, thread = make_assistant(client), make_thread(client)
    for path, body in (
        ("/v1/assistants", {"model": "m"}),
        (f"/v1/assistants/{assistant}", {}),
        ("/v1/threads", {}),
        (f"/v1/threads/{thread}", {}),
    ):
        refuses(client, path, body | {"tool_resources": resources(gone)}, gone, PARAM)
        answer = client.post(path, json=body | {"tool_resources": resources(file)})
        assert created(answer)["tool_resources"] == resources(file)


def test_a_thread_with_its_run_says_where_its_tools_files_are_named(
    client: TestClient, gone: str
) -> None:
    run = {"assistant_id": make_assistant(client)}
    inner = run | {"thread": {"tool_resources": resources(gone)}}
    refuses(client, "/v1/threads/runs", inner, gone, f"thread.{PARAM}")
    outer = run | {"tool_resources": resources(gone)}
    refuses(client, "/v1/threads/runs", outer, gone, PARAM)


def test_an_expired_file_is_not_there(client: TestClient, world: World) -> None:
    file = make_file(client, **EXPIRY)
    created(client.post("/v1/threads", json={"messages": [attaching(file)]}))
    world.clock.advance(3600)
    body = {"messages": [attaching(file)]}
    refuses(client, "/v1/threads", body, file, "messages[0].attachments[0].file_id")


def test_an_image_must_be_one(client: TestClient) -> None:
    file = make_file(client, b"no image", filename="a.png", content_type="image/png")
    error = refused(client.post("/v1/threads", json={"messages": [showing(file)]}))
    assert "PNG, JPEG, GIF or WebP" in error["message"]
    param = "messages[0].content[1].image_file.file_id"
    assert (error["param"], error["code"]) == (param, "invalid_value")
    created(client.post("/v1/threads", json={"messages": [attaching(file)]}))


@pytest.mark.parametrize("tool", ["file_search", "code_interpreter"])
def test_a_file_is_not_given_to_a_tool_that_is_not_served(client: TestClient, tool: str) -> None:
    message = attaching(make_file(client))
    message["attachments"][0]["tools"] = [{"type": tool}]
    error = refused(client.post("/v1/threads", json={"messages": [message]}))
    assert error["message"].startswith(f"Unsupported value: '{tool}' is not served here yet.")
    assert error["param"] == "messages[0].attachments[0].tools[0].type"
    assert error["code"] == "unsupported_value"


def test_all_files_of_a_request_are_looked_up_at_once(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [make_file(client, PNG) for _ in range(4)]
    assistant = make_assistant(client)
    body = {
        "assistant_id": assistant,
        "thread": {
            "messages": [attaching(files[0]), listing(files[1]), showing(files[2])],
            "tool_resources": resources(files[3]),
        },
    }
    lookups: list[int] = []
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: Any, operation: str, arguments: Any) -> Any:
        if operation == "BatchGetItem":
            (asked,) = arguments["RequestItems"].values()
            lookups.append(len(asked["Keys"]))
        return real(self, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    created(client.post("/v1/threads/runs", json=body))
    assert lookups == [4]
    make_thread(client, "no files")
    assert lookups == [4]
