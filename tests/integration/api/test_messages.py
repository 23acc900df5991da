"""Threads and their messages: content as it was sent, and no message while a run is active."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from openai.types.beta import Thread
from openai.types.beta.threads import Message

from tests.integration.api.support import created, make_assistant, make_run, make_thread, refused


def test_a_thread_can_be_created_from_nothing(client: TestClient) -> None:
    for thread in (
        created(client.post("/v1/threads")),
        created(client.post("/v1/threads", json={})),
        created(client.post("/v1/threads", content=b"null")),
    ):
        Thread.model_validate(thread)
        assert thread["object"] == "thread"
        assert thread["metadata"] == {}
        assert created(client.get(f"/v1/threads/{thread['id']}")) == thread


def test_a_thread_is_created_with_its_messages_in_order(client: TestClient) -> None:
    texts = [f"message {number}" for number in range(120)]
    thread = make_thread(client, *texts)
    page = created(client.get(f"/v1/threads/{thread}/messages?limit=100&order=asc"))
    assert [message["content"][0]["text"]["value"] for message in page["data"]] == texts[:100]
    assert page["has_more"] is True


def test_a_message_comes_back_as_it_was_sent(client: TestClient) -> None:
    thread = make_thread(client)
    image = {"type": "image_url", "image_url": {"url": "https://a.test/b.png", "detail": "low"}}
    body: dict[str, Any] = {
        "role": "user",
        "content": [{"type": "text", "text": "What is this? \N{CAMERA}"}, image],
        "metadata": {"from": "test"},
    }
    message = created(client.post(f"/v1/threads/{thread}/messages", json=body))
    Message.model_validate(message)
    assert message["content"] == [
        {"type": "text", "text": {"value": "What is this? \N{CAMERA}", "annotations": []}},
        image,
    ]
    assert (message["role"], message["metadata"]) == ("user", {"from": "test"})
    assert (message["status"], message["thread_id"]) == ("completed", thread)
    found = created(client.get(f"/v1/threads/{thread}/messages/{message['id']}"))
    assert found == message


@pytest.mark.parametrize("character", ["x", "\N{SNOWMAN}", '"'])
def test_the_longest_message_is_kept_whole(client: TestClient, character: str) -> None:
    thread = make_thread(client)
    body = {"role": "user", "content": character * 256_000}
    message = created(client.post(f"/v1/threads/{thread}/messages", json=body))
    found = created(client.get(f"/v1/threads/{thread}/messages/{message['id']}"))
    assert found["content"][0]["text"]["value"] == body["content"]


def test_an_assistants_message_can_be_put_into_a_thread(client: TestClient) -> None:
    thread = make_thread(client)
    body = {"role": "assistant", "content": "Earlier, I said so."}
    message = created(client.post(f"/v1/threads/{thread}/messages", json=body))
    assert (message["role"], message["assistant_id"], message["run_id"]) == (
        "assistant",
        None,
        None,
    )


def test_a_thread_that_is_not_there_is_a_404_everywhere(client: TestClient) -> None:
    body = {"role": "user", "content": "Hello"}
    for answer in (
        client.get("/v1/threads/thread_none"),
        client.get("/v1/threads/thread_none/messages"),
        client.get("/v1/threads/thread_none/messages/msg_none"),
        client.post("/v1/threads/thread_none/messages", json=body),
    ):
        assert refused(answer, 404)["message"] == "No thread found with id 'thread_none'."


def test_a_message_that_is_not_there_is_a_404(client: TestClient) -> None:
    thread = make_thread(client)
    answer = client.get(f"/v1/threads/{thread}/messages/msg_none")
    assert refused(answer, 404)["message"] == "No message found with id 'msg_none'."


def test_a_message_is_found_in_its_own_thread_only(client: TestClient) -> None:
    first, second = make_thread(client, "Hello"), make_thread(client)
    (message,) = created(client.get(f"/v1/threads/{first}/messages"))["data"]
    refused(client.get(f"/v1/threads/{second}/messages/{message['id']}"), 404)


def test_no_message_is_added_while_a_run_is_active(client: TestClient) -> None:
    thread = make_thread(client, "Hello")
    run = make_run(client, thread, make_assistant(client))["id"]
    body = {"role": "user", "content": "And?"}
    error = refused(client.post(f"/v1/threads/{thread}/messages", json=body))
    assert error["message"] == f"Can't add messages to {thread} while a run {run} is active."
    assert len(created(client.get(f"/v1/threads/{thread}/messages"))["data"]) == 1


def test_a_list_by_run_shows_only_what_the_run_wrote(client: TestClient) -> None:
    thread = make_thread(client, "Hello")
    run = make_run(client, thread, make_assistant(client))["id"]
    path = f"/v1/threads/{thread}/messages"
    assert created(client.get(path, params={"run_id": run}))["data"] == []
    refused(client.get(path, params={"run_id": "run#1"}), 404)


def test_another_project_sees_neither_thread_nor_message(
    client: TestClient, stranger: TestClient
) -> None:
    thread = make_thread(client, "Hello")
    (message,) = created(client.get(f"/v1/threads/{thread}/messages"))["data"]
    body = {"role": "user", "content": "Let me in"}
    for answer in (
        stranger.get(f"/v1/threads/{thread}"),
        stranger.get(f"/v1/threads/{thread}/messages"),
        stranger.get(f"/v1/threads/{thread}/messages/{message['id']}"),
        stranger.post(f"/v1/threads/{thread}/messages", json=body),
    ):
        assert refused(answer, 404)["message"] == f"No thread found with id '{thread}'."
    assert len(created(client.get(f"/v1/threads/{thread}/messages"))["data"]) == 1
