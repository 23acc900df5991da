"""The memory strategy of an assistant: an extension in its metadata, which stays text by name."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from openai.types.beta import Assistant

from core.memory import Memory
from tests.integration.api.support import created, make_assistant, make_run, make_thread, refused
from tests.support.world import TENANT, World

WINDOW = {"type": "window", "window_size": 5, "max_token_size": 900}
WINDOW_TEXT = '{"type":"window","window_size":5,"max_token_size":900}'


def metadata_of(client: TestClient, assistant_id: str) -> Any:
    """Return an assistant's metadata, which has the type that OpenAI's SDK expects."""
    assistant = created(client.get(f"/v1/assistants/{assistant_id}"))
    metadata = Assistant.model_validate(assistant, strict=True).metadata
    assert metadata is not None
    return metadata


@pytest.mark.parametrize("memory", [WINDOW, WINDOW_TEXT])
def test_a_memory_is_taken_as_an_object_or_as_text_and_shown_as_text(
    client: TestClient, memory: Any
) -> None:
    assistant_id = make_assistant(client, metadata={"memory": memory, "team": "arts"})
    assert metadata_of(client, assistant_id) == {"memory": WINDOW_TEXT, "team": "arts"}


def test_a_memory_is_changed_and_taken_away_like_all_metadata(client: TestClient) -> None:
    assistant_id = make_assistant(client)
    url = f"/v1/assistants/{assistant_id}"
    changed = created(client.post(url, json={"metadata": {"memory": {"type": "zero"}}}))
    assert changed["metadata"] == {"memory": '{"type":"zero"}'}
    assert metadata_of(client, assistant_id) == {"memory": '{"type":"zero"}'}
    assert created(client.post(url, json={"metadata": {}}))["metadata"] == {}


@pytest.mark.parametrize("text", ["64 GB", "", "{}", '{"type":"elephant","window_size":0}', "["])
def test_a_text_that_is_no_strategy_is_metadata_as_at_openai(client: TestClient, text: str) -> None:
    assistant_id = make_assistant(client, metadata={"memory": text})
    assert metadata_of(client, assistant_id) == {"memory": text}


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"window_size": 0}, "metadata.memory.window_size", "integer_below_min_value"),
        ({"max_token_size": -1}, "metadata.memory.max_token_size", "integer_below_min_value"),
        ({"window_size": "5"}, "metadata.memory.window_size", "invalid_type"),
        ({"windowsize": 5}, "metadata.memory.windowsize", "unknown_parameter"),
    ],
)
@pytest.mark.parametrize("as_text", [False, True])
def test_a_strategy_with_a_wrong_field_is_refused_by_its_name(
    client: TestClient, fields: dict[str, Any], param: str, code: str, as_text: bool
) -> None:
    memory: Any = {"type": "window"} | fields
    body = {"metadata": {"memory": json.dumps(memory) if as_text else memory}}
    error = refused(client.post("/v1/assistants", json={"model": "m"} | body))
    assert (error["param"], error["code"]) == (param, code)
    assistant_id = make_assistant(client, metadata={"memory": WINDOW})
    assert refused(client.post(f"/v1/assistants/{assistant_id}", json=body))["param"] == param
    assert metadata_of(client, assistant_id) == {"memory": WINDOW_TEXT}


@pytest.mark.parametrize(
    "metadata",
    [
        {"memory": {"type": "elephant"}},
        {"memory": {}},
        {"memory": ["window"]},
        {"memory": 5},
        {"team": {"type": "window"}},
    ],
)
def test_any_other_value_that_is_no_text_is_refused(client: TestClient, metadata: Any) -> None:
    error = refused(client.post("/v1/assistants", json={"model": "m", "metadata": metadata}))
    assert error["param"] == f"metadata.{next(iter(metadata))}"
    assert "expected a string" in error["message"]


def test_a_memory_must_fit_metadata(client: TestClient) -> None:
    memory = {"type": "window"} | {f"field_{n}": "x" * 100 for n in range(9)}
    error = refused(
        client.post("/v1/assistants", json={"model": "m", "metadata": {"memory": memory}})
    )
    assert error["param"] == "metadata"
    assert "512 characters" in error["message"]


@pytest.mark.parametrize("what", ["threads", "messages", "runs"])
def test_only_assistants_remember(client: TestClient, what: str) -> None:
    thread_id, assistant_id = make_thread(client, "Hi"), make_assistant(client)
    url, body = {
        "threads": ("/v1/threads", {}),
        "messages": (f"/v1/threads/{thread_id}/messages", {"role": "user", "content": "Hi"}),
        "runs": (f"/v1/threads/{thread_id}/runs", {"assistant_id": assistant_id}),
    }[what]
    refused(client.post(url, json={**body, "metadata": {"memory": WINDOW}}))
    plain = {"memory": '{"type":"window","window_size":0}'}
    assert created(client.post(url, json={**body, "metadata": plain}))["metadata"] == plain


def test_a_run_keeps_the_memory_that_it_was_created_with(client: TestClient, world: World) -> None:
    assistant_id = make_assistant(client, metadata={"memory": WINDOW})
    run = make_run(client, make_thread(client, "Hi"), assistant_id)
    created(client.post(f"/v1/assistants/{assistant_id}", json={"metadata": {}}))
    stored = world.runner.runs.get(TENANT, run["thread_id"], run["id"])
    assert stored is not None
    assert stored.config.memory == Memory(type="window", window_size=5, max_token_size=900)
    assert "memory" not in run


def test_model_parameters_are_stored_and_not_shown(client: TestClient, world: World) -> None:
    params = {"seed": 7, "extra": {"deep": [0.1, None]}}
    run = make_run(client, make_thread(client, "Hi"), make_assistant(client), model_params=params)
    stored = world.runner.runs.get(TENANT, run["thread_id"], run["id"])
    assert stored is not None
    assert stored.config.model_params == params
    assert "model_params" not in run


@pytest.mark.parametrize(
    ("params", "param"), [({"model": "m"}, "model_params.model"), ([], "model_params")]
)
def test_model_parameters_that_cannot_be_are_refused(
    client: TestClient, params: Any, param: str
) -> None:
    thread_id = make_thread(client, "Hi")
    body = {"assistant_id": make_assistant(client), "model_params": params}
    assert refused(client.post(f"/v1/threads/{thread_id}/runs", json=body))["param"] == param
    together = {**body, "thread": {}}
    assert refused(client.post("/v1/threads/runs", json=together))["param"] == param
