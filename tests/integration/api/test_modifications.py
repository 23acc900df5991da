"""Objects change where a request names a field, and nowhere else; deleted ones are gone."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fastapi.testclient import TestClient

from adapters.dynamodb.documents import Documents
from core.schema.assistants import AssistantRecord
from tests.integration.api.support import (
    WEATHER,
    created,
    make_assistant,
    make_run,
    make_thread,
    refused,
)
from tests.support.model import stop, text
from tests.support.world import TENANT, World
from wiring.bootstrap import ApiContext

FULL: dict[str, Any] = {
    "name": "Poet",
    "description": "Rhymes.",
    "instructions": "Speak in verse.",
    "tools": [WEATHER],
    "metadata": {"team": "arts"},
    "temperature": 0.5,
    "top_p": 0.5,
    "response_format": {"type": "json_object"},
    "reasoning_effort": "low",
    "tool_resources": {"code_interpreter": {"file_ids": []}},
}
NEW: dict[str, Any] = {
    "model": "other-model",
    "name": "Critic",
    "description": "Judges.",
    "instructions": "",
    "tools": [],
    "metadata": {"team": "press"},
    "temperature": 0,
    "top_p": 0,
    "response_format": "auto",
    "tool_resources": {"file_search": {"vector_store_ids": []}},
}


# ---- assistants ------------------------------------------------------------------------------


@pytest.mark.parametrize("field", NEW)
def test_only_the_named_field_of_an_assistant_changes(client: TestClient, field: str) -> None:
    path = f"/v1/assistants/{make_assistant(client, **FULL)}"
    before = created(client.get(path))
    after = created(client.post(path, json={field: NEW[field]}))
    assert after == before | {field: NEW[field]}
    assert created(client.get(path)) == after


@pytest.mark.parametrize("field", sorted(FULL))
def test_null_empties_a_field_of_an_assistant(client: TestClient, field: str) -> None:
    path = f"/v1/assistants/{make_assistant(client, **FULL)}"
    before = created(client.get(path))
    after = created(client.post(path, json={field: None}))
    empties: dict[str, Any] = {"tools": [], "metadata": {}}
    empty = empties.get(field)
    assert after == (before if field == "reasoning_effort" else before | {field: empty})


def test_an_assistant_keeps_its_model_where_null_is_given(client: TestClient) -> None:
    path = f"/v1/assistants/{make_assistant(client)}"
    assert created(client.post(path, json={"model": None}))["model"] == "test-model"


def test_the_effort_of_an_assistant_changes_with_its_next_run(
    client: TestClient, world: World
) -> None:
    assistant = make_assistant(client, reasoning_effort="low")
    created(client.post(f"/v1/assistants/{assistant}", json={"reasoning_effort": "max"}))
    make_run(client, make_thread(client, "Hi"), assistant)
    world.model.turn(*text("Hello."), *stop())
    assert world.deliver_next()
    assert world.model.requests[0].parameters["reasoning_effort"] == "max"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"tools": [WEATHER, WEATHER]}, "tools[1].function.name"),
        ({"temperature": 3}, "temperature"),
        ({"id": "asst_x"}, "id"),
        (
            {"tool_resources": {"file_search": {"vector_store_ids": ["vs_1"]}}},
            "tool_resources.file_search.vector_store_ids",
        ),
        (
            {"tool_resources": {"file_search": {"vector_stores": []}}},
            "tool_resources.file_search.vector_stores",
        ),
    ],
)
def test_a_change_that_is_refused_changes_nothing(
    client: TestClient, change: dict[str, Any], param: str
) -> None:
    path = f"/v1/assistants/{make_assistant(client, **FULL)}"
    before = created(client.get(path))
    assert refused(client.post(path, json={"name": "X", **change}))["param"] == param
    assert created(client.get(path)) == before


def test_changes_at_the_same_time_are_both_kept(
    client: TestClient, context: ApiContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    assistant = make_assistant(client, **FULL)
    path = f"/v1/assistants/{assistant}"
    real = Documents._read

    def overtaken(store: Documents, item: Any, model: type[AssistantRecord]) -> AssistantRecord:
        read = real(store, item, model)
        monkeypatch.setattr(Documents, "_read", real)
        created(client.post(path, json={"name": "First"}))
        return read

    monkeypatch.setattr(Documents, "_read", overtaken)
    after = created(client.post(path, json={"description": "Second"}))
    assert (after["name"], after["description"]) == ("First", "Second")


def test_large_instructions_leave_nothing_in_the_bucket_when_they_are_replaced_or_deleted(
    client: TestClient, world: World
) -> None:
    bucket = world.runner.objects._documents._texts._client  # type: ignore[attr-defined]
    path = f"/v1/assistants/{make_assistant(client, instructions='a' * 200_000)}"
    assert bucket.list_objects_v2(Bucket="bucket")["KeyCount"] == 1
    after = created(client.post(path, json={"instructions": "b" * 250_000}))
    assert created(client.get(path)) == after
    assert bucket.list_objects_v2(Bucket="bucket")["KeyCount"] == 1
    created(client.delete(path))
    assert bucket.list_objects_v2(Bucket="bucket")["KeyCount"] == 0


def test_a_deleted_assistant_is_gone_and_its_runs_go_on(client: TestClient, world: World) -> None:
    assistant, thread = make_assistant(client), make_thread(client, "Hi")
    run = make_run(client, thread, assistant)
    answer = created(client.delete(f"/v1/assistants/{assistant}"))
    assert answer == {"id": assistant, "object": "assistant.deleted", "deleted": True}
    for gone in (
        client.get(f"/v1/assistants/{assistant}"),
        client.post(f"/v1/assistants/{assistant}", json={}),
        client.delete(f"/v1/assistants/{assistant}"),
        client.post(f"/v1/threads/{thread}/runs", json={"assistant_id": assistant}),
    ):
        told = refused(gone, 404)["message"]
        assert told == f"No assistant found with id '{assistant}'."
    assert created(client.get("/v1/assistants"))["data"] == []
    world.model.turn(*text("Hello."), *stop())
    assert world.deliver_next()
    path = f"/v1/threads/{thread}/runs/{run['id']}"
    assert created(client.get(path))["status"] == "completed"


# ---- threads ---------------------------------------------------------------------------------


def test_a_thread_changes_where_it_is_told_to(client: TestClient) -> None:
    resources: dict[str, Any] = {"code_interpreter": {"file_ids": []}}
    body = {"metadata": {"a": "b"}, "tool_resources": resources, "ttl_seconds": 3600}
    thread = created(client.post("/v1/threads", json=body))
    assert (thread["tool_resources"], thread["ttl_seconds"]) == (resources, 3600)
    path = f"/v1/threads/{thread['id']}"
    assert created(client.post(path, json={})) == thread
    changed = created(client.post(path, json={"metadata": {"c": "d"}}))
    assert changed == thread | {"metadata": {"c": "d"}}
    changed = created(client.post(path, json={"metadata": None, "tool_resources": None}))
    assert changed == thread | {"metadata": {}, "tool_resources": None}
    assert created(client.get(path)) == changed
    refused(client.post("/v1/threads/thread_none", json={"metadata": {}}), 404)


def test_threads_are_listed_per_project_and_page_by_page(
    client: TestClient, stranger: TestClient
) -> None:
    ids = [make_thread(client, "Hi") for _ in range(5)]
    make_thread(stranger)
    page = created(client.get("/v1/threads", params={"limit": 3}))
    assert [thread["id"] for thread in page["data"]] == ids[:1:-1]
    assert page["has_more"] is True
    rest = created(client.get("/v1/threads", params={"after": page["last_id"]}))
    assert [thread["id"] for thread in rest["data"]] == ids[1::-1]
    assert rest["has_more"] is False


# ---- messages --------------------------------------------------------------------------------


def test_a_messages_metadata_changes_and_nothing_else(client: TestClient) -> None:
    thread = make_thread(client, "Hello")
    (message,) = created(client.get(f"/v1/threads/{thread}/messages"))["data"]
    path = f"/v1/threads/{thread}/messages/{message['id']}"
    changed = created(client.post(path, json={"metadata": {"read": "yes"}}))
    assert changed == message | {"metadata": {"read": "yes"}}
    assert created(client.post(path, json={})) == changed
    assert created(client.get(f"/v1/threads/{thread}/messages"))["data"] == [changed]
    assert created(client.post(path, json={"metadata": None})) == message
    assert refused(client.post(path, json={"content": "Other"}))["param"] == "content"
    refused(client.post(f"/v1/threads/{thread}/messages/msg_none", json={"metadata": {}}), 404)


def test_metadata_that_is_set_while_a_run_writes_the_message_stays(
    client: TestClient, world: World
) -> None:
    thread = make_thread(client, "Hi")
    make_run(client, thread, make_assistant(client))

    def label() -> None:
        newest = created(client.get(f"/v1/threads/{thread}/messages"))["data"][0]
        assert newest["status"] == "in_progress"
        path = f"/v1/threads/{thread}/messages/{newest['id']}"
        created(client.post(path, json={"metadata": {"mine": "yes"}}))
        told = refused(client.delete(path))["message"]
        assert told == f"Can't delete message {newest['id']} while a run is writing it."

    world.model.turn(*text("One"), *_flushes(world), label, *text(" two."), *stop())
    assert world.deliver_next()
    newest = created(client.get(f"/v1/threads/{thread}/messages"))["data"][0]
    assert (newest["status"], newest["metadata"]) == ("completed", {"mine": "yes"})
    assert newest["content"][0]["text"]["value"] == "One two."
    created(client.delete(f"/v1/threads/{thread}/messages/{newest['id']}"))


def _flushes(world: World) -> list[Any]:
    """Return a hook that waits until the open message is stored."""

    def wait() -> None:
        for _ in range(500):
            if world.pusher.batches[-1].events[-1].name == "thread.message.delta":
                return
            time.sleep(0.01)
        raise AssertionError("The message was not opened.")

    return [wait]


def test_a_deleted_message_is_gone(client: TestClient) -> None:
    thread = make_thread(client, "one", "two")
    newest, oldest = created(client.get(f"/v1/threads/{thread}/messages"))["data"]
    path = f"/v1/threads/{thread}/messages/{newest['id']}"
    answer = created(client.delete(path))
    assert answer == {"id": newest["id"], "object": "thread.message.deleted", "deleted": True}
    for gone in (client.get(path), client.delete(path), client.post(path, json={"metadata": {}})):
        told = refused(gone, 404)["message"]
        assert told == f"No message found with id '{newest['id']}'."
    assert created(client.get(f"/v1/threads/{thread}/messages"))["data"] == [oldest]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_messages_of_a_run_are_found_by_its_steps(
    client: TestClient, world: World, order: str
) -> None:
    thread, assistant = make_thread(client, "Hi"), make_assistant(client)
    runs = []
    for answer in ("first", "second"):
        runs.append(make_run(client, thread, assistant)["id"])
        world.model.turn(*text(answer), *stop())
        assert world.deliver_next()
    path = f"/v1/threads/{thread}/messages"
    for run, answer in zip(runs, ("first", "second"), strict=True):
        page = created(client.get(path, params={"run_id": run, "order": order}))
        assert [found["content"][0]["text"]["value"] for found in page["data"]] == [answer]
        assert {found["run_id"] for found in page["data"]} == {run}
    assert created(client.get(path, params={"run_id": "run_none"}))["data"] == []


# ---- runs ------------------------------------------------------------------------------------


def test_a_runs_metadata_changes_while_a_worker_holds_it(client: TestClient, world: World) -> None:
    thread = make_thread(client, "Hi")
    run = make_run(client, thread, make_assistant(client), metadata={"a": "b"})
    path = f"/v1/threads/{thread}/runs/{run['id']}"

    def label() -> None:
        assert created(client.post(path, json={"metadata": {"c": "d"}}))["metadata"] == {"c": "d"}

    world.model.turn(label, *text("Hello."), *stop())
    assert world.deliver_next()
    ended = created(client.get(path))
    assert (ended["status"], ended["metadata"]) == ("completed", {"c": "d"})
    assert created(client.post(path, json={})) == ended
    assert created(client.post(path, json={"metadata": None}))["metadata"] == {}
    assert refused(client.post(path, json={"model": "m"}))["param"] == "model"
    refused(client.post(f"/v1/threads/{thread}/runs/run_none", json={"metadata": {}}), 404)


def test_a_failing_table_is_not_taken_for_a_lost_race(
    client: TestClient, context: ApiContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/v1/assistants/{make_assistant(client)}"
    throttled = {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slow"}}

    def fail(**_arguments: Any) -> Any:
        raise ClientError(throttled, "UpdateItem")  # type: ignore[arg-type]

    with monkeypatch.context() as broken:
        broken.setattr(context.objects._documents._client, "update_item", fail)
        refused(client.post(path, json={"name": "X"}), 500)
    assert created(client.get(path))["name"] is None
    assert context.objects.get_assistant(TENANT, path.rpartition("/")[2]) is not None


# ---- a thread and a run together -------------------------------------------------------------


def test_a_thread_and_its_run_are_made_together(client: TestClient, world: World) -> None:
    body = {
        "assistant_id": make_assistant(client, instructions="Be brief."),
        "thread": {"messages": [{"role": "user", "content": "Hi"}], "metadata": {"a": "b"}},
        "instructions": "Rhyme.",
        "temperature": 0,
        "tool_resources": {"code_interpreter": {"file_ids": []}},
    }
    run = created(client.post("/v1/threads/runs", json=body))
    assert (run["status"], run["instructions"], run["temperature"]) == ("queued", "Rhyme.", 0)
    thread = created(client.get(f"/v1/threads/{run['thread_id']}"))
    assert thread["metadata"] == {"a": "b"}
    assert thread["tool_resources"] == {"code_interpreter": {"file_ids": []}}
    busy = refused(
        client.post(f"/v1/threads/{thread['id']}/messages", json={"role": "user", "content": "x"})
    )
    expected = f"Can't add messages to {thread['id']} while a run {run['id']} is active."
    assert busy["message"] == expected
    world.model.turn(*text("Hello."), *stop())
    assert world.deliver_next()
    path = f"/v1/threads/{thread['id']}/runs/{run['id']}"
    assert created(client.get(path))["status"] == "completed"
    events = created(client.get(f"{path}/events", params={"limit": 3}))["data"]
    names = [event["event"] for event in events]
    assert names == ["thread.created", "thread.run.created", "thread.run.queued"]
    assert events[0]["data"] == thread


def test_without_a_thread_an_empty_one_is_made(client: TestClient) -> None:
    run = created(client.post("/v1/threads/runs", json={"assistant_id": make_assistant(client)}))
    assert created(client.get(f"/v1/threads/{run['thread_id']}/messages"))["data"] == []


def test_a_thread_with_more_messages_than_a_transaction_takes_is_made_with_its_run(
    client: TestClient,
) -> None:
    messages = [{"role": "user", "content": str(number)} for number in range(230)]
    body = {"assistant_id": make_assistant(client), "thread": {"messages": messages}}
    thread = created(client.post("/v1/threads/runs", json=body))["thread_id"]
    seen: list[str] = []
    query: dict[str, Any] = {"order": "asc", "limit": 100}
    while True:
        page = created(client.get(f"/v1/threads/{thread}/messages", params=query))
        seen += [found["content"][0]["text"]["value"] for found in page["data"]]
        if not page["has_more"]:
            break
        query["after"] = page["last_id"]
    assert seen == [message["content"] for message in messages]


def test_a_run_that_is_refused_leaves_no_thread(client: TestClient) -> None:
    body = {"assistant_id": "asst_none", "thread": {"messages": []}}
    refused(client.post("/v1/threads/runs", json=body), 404)
    assert created(client.get("/v1/threads"))["data"] == []


# ---- polling ---------------------------------------------------------------------------------


def test_a_poller_is_told_to_look_often_at_first_and_more_rarely_later(
    client: TestClient, world: World
) -> None:
    thread = make_thread(client, "Hi")
    run = make_run(client, thread, make_assistant(client))
    path = f"/v1/threads/{thread}/runs/{run['id']}"
    waits = []
    for _ in range(20):
        waits.append(int(client.get(path).headers["openai-poll-after-ms"]))
        world.clock.advance(waits[-1] / 1000)
    assert waits[0] == 100
    assert waits == sorted(waits)
    assert max(waits) <= 2_000
    world.model.turn(*text("Hello."), *stop())
    assert world.deliver_next()
    assert "openai-poll-after-ms" not in client.get(path).headers


def test_a_run_expires_when_it_was_asked_to(client: TestClient) -> None:
    thread, assistant = make_thread(client, "Hi"), make_assistant(client)
    run = make_run(client, thread, assistant, expires_after_seconds=172_800)
    assert run["expires_at"] == run["created_at"] + 172_800
    body = {"assistant_id": assistant, "expires_after_seconds": 9}
    error = refused(client.post(f"/v1/threads/{thread}/runs", json=body))
    assert (error["param"], error["code"]) == ("expires_after_seconds", "integer_below_min_value")


INCLUDE = "step_details.tool_calls[*].file_search.results[*].content"


def test_include_takes_its_one_value(client: TestClient) -> None:
    thread = make_thread(client, "Hi")
    path = f"/v1/threads/{thread}/runs"
    body = {"assistant_id": make_assistant(client)}
    run = created(client.post(path, params={"include[]": INCLUDE}, json=body))
    created(client.get(f"{path}/{run['id']}/steps", params={"include[]": [INCLUDE]}))
    error = refused(client.get(f"{path}/{run['id']}/steps", params={"include[]": "all"}))
    assert error["param"].startswith("include[]")
