"""The tool `web_search` over HTTP: served where a provider is configured, refused elsewhere."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.api.conftest import with_key
from tests.integration.api.support import (
    WEATHER,
    created,
    make_assistant,
    make_run,
    make_thread,
    refused,
)
from tests.support.world import World
from wiring.bootstrap import ApiContext
from wiring.settings import ApiSettings

SEARCH: dict[str, Any] = {"type": "web_search"}
NAMED: dict[str, Any] = {"type": "function", "function": {"name": "web_search"}}


@pytest.fixture
def searching(context: ApiContext, project_key: str) -> TestClient:
    """A client of a deployment with a provider of web search."""
    settings = ApiSettings.model_validate(
        context.settings.model_dump() | {"web_search_provider": "searxng"}
    )
    parts = {name: getattr(context, name) for name in context.__dataclass_fields__}
    return with_key(ApiContext(**parts | {"settings": settings}), project_key)


def test_without_a_provider_the_tool_is_refused_and_the_operator_told_what_to_set(
    client: TestClient, world: World
) -> None:
    body = {"model": "m", "tools": [WEATHER, SEARCH]}
    error = refused(client.post("/v1/assistants", json=body))
    assert (error["param"], error["code"]) == ("tools[1].type", "unsupported_value")
    assert "'WebSearchProvider'" in error["message"]
    thread, assistant = make_thread(client, "Hi"), make_assistant(client)
    body = {"assistant_id": assistant, "tools": [SEARCH]}
    error = refused(client.post(f"/v1/threads/{thread}/runs", json=body))
    assert (error["param"], error["code"]) == ("tools[0].type", "unsupported_value")
    assert world.queues.steps == []


def test_an_assistant_from_before_the_provider_was_taken_away_cannot_run(
    client: TestClient, searching: TestClient
) -> None:
    assistant = make_assistant(searching, tools=[SEARCH])
    thread = make_thread(client, "Hi")
    answer = client.post(f"/v1/threads/{thread}/runs", json={"assistant_id": assistant})
    assert refused(answer)["param"] == "tools[0].type"
    make_run(client, thread, assistant, tools=[])


def test_assistants_and_runs_show_the_tool_as_it_was_given(searching: TestClient) -> None:
    given = SEARCH | {"max_results": 3, "blocked_domains": ["Evil.example"]}
    assistant = make_assistant(searching, tools=[given])
    assert created(searching.get(f"/v1/assistants/{assistant}"))["tools"] == [given]
    thread = make_thread(searching, "Hi")
    run = make_run(searching, thread, assistant, tools=[SEARCH], tool_choice=SEARCH)
    found = created(searching.get(f"/v1/threads/{thread}/runs/{run['id']}"))
    for shown in (run, found):
        assert (shown["tools"], shown["tool_choice"]) == ([SEARCH], SEARCH)


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ([SEARCH, SEARCH], "tools[1].type"),
        ([SEARCH, NAMED], "tools[1].function.name"),
        ([NAMED, SEARCH], "tools[1].type"),
        ([SEARCH | {"max_results": 21}], "tools[0].max_results"),
        ([SEARCH | {"allowed_domains": ["x y"]}], "tools[0].allowed_domains[0]"),
        ([SEARCH | {"allowed_domains": ["a.b"], "blocked_domains": ["c.d"]}], "tools[0]"),
        ([SEARCH | {"surprise": 1}], "tools[0].surprise"),
    ],
)
def test_what_cannot_be_offered_is_refused_with_its_place(
    searching: TestClient, tools: list[Any], param: str
) -> None:
    error = refused(searching.post("/v1/assistants", json={"model": "m", "tools": tools}))
    assert error["param"] == param


def test_a_search_is_forced_only_where_there_is_one(searching: TestClient) -> None:
    thread, assistant = make_thread(searching, "Hi"), make_assistant(searching, tools=[NAMED])
    body = {"assistant_id": assistant, "tool_choice": SEARCH}
    error = refused(searching.post(f"/v1/threads/{thread}/runs", json=body))
    assert (error["param"], error["code"]) == ("tool_choice.type", "invalid_value")
    make_run(searching, thread, assistant, tools=[SEARCH], tool_choice=NAMED)
