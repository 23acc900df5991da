"""Assistants: created as asked, found again, listed per project."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from openai.types.beta import Assistant

from tests.integration.api.support import WEATHER, created, make_assistant, refused


def test_an_assistant_comes_back_as_it_was_created(client: TestClient) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "number", "minimum": 0.1}}}
    body: dict[str, Any] = {
        "model": "test-model",
        "name": "Poet",
        "description": "Rhymes.",
        "instructions": "Speak in verse. \N{SPARKLES}",
        "tools": [WEATHER],
        "metadata": {"team": "arts"},
        "temperature": 0,
        "top_p": 0.5,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "poem", "schema": schema, "strict": True},
        },
        "reasoning_effort": "low",
    }
    assistant = created(client.post("/v1/assistants", json=body))
    assert Assistant.model_validate(assistant).temperature == 0
    assert assistant["object"] == "assistant"
    assert assistant["id"].startswith("asst_")
    for field in ("model", "name", "description", "instructions", "metadata", "top_p"):
        assert assistant[field] == body[field]
    assert assistant["response_format"]["json_schema"]["schema"] == schema
    assert assistant["tools"][0]["function"]["parameters"] == WEATHER["function"]["parameters"]
    assert created(client.get(f"/v1/assistants/{assistant['id']}")) == assistant


def test_the_least_body_gives_nulls_and_empties(client: TestClient) -> None:
    assistant = created(client.post("/v1/assistants", json={"model": "m"}))
    Assistant.model_validate(assistant)
    nulls = ("name", "description", "instructions", "temperature", "top_p", "response_format")
    assert all(assistant[field] is None for field in nulls)
    assert (assistant["tools"], assistant["metadata"]) == ([], {})


@pytest.mark.parametrize("identifier", ["asst_none", "asst#1", "asst_1%23meta", "%00", "x" * 300])
def test_an_assistant_that_is_not_there_is_a_404(client: TestClient, identifier: str) -> None:
    error = refused(client.get(f"/v1/assistants/{identifier}"), 404)
    assert (
        error["message"].startswith("No assistant found with id '")
        or "Invalid URL" in error["message"]
    )


def test_two_tools_of_one_name_are_refused(client: TestClient) -> None:
    body = {"model": "m", "tools": [WEATHER, WEATHER]}
    error = refused(client.post("/v1/assistants", json=body))
    assert error["param"] == "tools[1].function.name"
    assert "get_weather" in error["message"]


@pytest.mark.parametrize("identifier", ["action_none", "action#1", ""])
def test_an_action_that_is_not_there_is_refused(client: TestClient, identifier: str) -> None:
    body = {"model": "m", "tools": [WEATHER, {"type": "action", "id": identifier}]}
    error = refused(client.post("/v1/assistants", json=body))
    assert error["param"] == "tools[1].id"


def test_lists_are_newest_first_unless_asked_otherwise(client: TestClient) -> None:
    ids = [make_assistant(client) for _ in range(3)]
    page = created(client.get("/v1/assistants"))
    assert [assistant["id"] for assistant in page["data"]] == ids[::-1]
    assert (page["first_id"], page["last_id"], page["has_more"]) == (ids[2], ids[0], False)
    ascending = created(client.get("/v1/assistants?order=asc&limit=2"))
    assert [assistant["id"] for assistant in ascending["data"]] == ids[:2]
    assert ascending["has_more"] is True


def test_an_empty_list_has_no_ends(client: TestClient) -> None:
    assert created(client.get("/v1/assistants")) == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


def test_a_list_too_large_for_a_response_is_cut_and_can_be_read_on(client: TestClient) -> None:
    ids = [make_assistant(client, instructions="x" * 250_000) for _ in range(12)]
    seen: list[str] = []
    pages = 0
    query = "limit=100"
    while True:
        answer = client.get(f"/v1/assistants?order=asc&{query}")
        assert len(answer.content) < 3_000_000
        page = created(answer)
        seen += [assistant["id"] for assistant in page["data"]]
        pages += 1
        if not page["has_more"]:
            break
        query = f"limit=100&after={page['last_id']}"
    assert seen == ids
    assert pages == 2


def test_another_project_sees_nothing(client: TestClient, stranger: TestClient) -> None:
    assistant = make_assistant(client)
    refused(stranger.get(f"/v1/assistants/{assistant}"), 404)
    assert created(stranger.get("/v1/assistants"))["data"] == []
