"""From a model's call to a search service and back, over real connections."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from adapters.egress import EgressAllowList, EgressClient
from adapters.secrets import parameter_value
from core.model import ModelChunk
from core.paging import PageQuery
from core.schema.tools import ToolTypeChoice, WebSearchTool
from tests.support.http_service import Exchange, HttpService, Received, http_service
from tests.support.model import call, stop, text
from tests.support.world import REGION, TENANT, World
from tool_worker.handler import build_registry
from tool_worker.registry import ToolCallInput, ToolOutput, ToolRegistry
from tool_worker.search import SearchProvider
from tool_worker.search.brave import Brave
from tool_worker.search.tavily import Tavily
from tool_worker.tools.web_search import WebSearcher
from wiring.settings import WorkerSettings

FOUND = {"title": "Tides", "url": "https://tides.example/oslo", "content": "High at noon."}
KEY = "hush-hush"


def behave(exchange: Exchange, request: Received) -> None:
    """An instance of SearXNG, and the two services with keys."""
    url = urlsplit(request.target)
    query = parse_qs(url.query)
    answer: dict[str, Any]
    if url.path == "/away":
        exchange.answer(
            307, Location=f"http://localhost:{request.headers['host'].partition(':')[2]}/x"
        )
    elif url.path == "/search" and query.get("format") == ["json"]:
        answer = {"query": query["q"][0], "results": [FOUND], "unresponsive_engines": []}
        exchange.answer(200, json.dumps(answer).encode(), Content_Type="application/json")
    elif request.headers.get("x-subscription-token") == KEY:
        answer = {"type": "search", "web": {"results": [FOUND | {"description": "By Brave."}]}}
        exchange.answer(200, json.dumps(answer).encode(), Content_Type="application/json")
    elif request.headers.get("authorization") == f"Bearer {KEY}":
        answer = {"query": json.loads(request.body)["query"], "results": [FOUND]}
        exchange.answer(200, json.dumps(answer).encode(), Content_Type="application/json")
    else:
        exchange.answer(401, f"Your key {KEY} is wrong.".encode(), Content_Type="text/plain")


@pytest.fixture
def service() -> Iterator[HttpService]:
    with http_service(behave) as running:
        yield running


def settings(world: World, service: HttpService, **fields: str) -> WorkerSettings:
    given = {
        "egress_allow": f"127.0.0.1:{service.port}",
        "web_search_provider": "searxng",
        "web_search_url": f"http://127.0.0.1:{service.port}",
    }
    return WorkerSettings.model_validate(world.worker.settings.model_dump() | given | fields)


def search(query: str) -> Iterator[ModelChunk]:
    yield from call("web_search", json.dumps({"query": query}), "call_0")
    yield from stop("tool_calls")


def one_call() -> ToolCallInput:
    return ToolCallInput(
        name="web_search",
        arguments='{"query": "tides"}',
        configuration=json.dumps({"type": "web_search"}),
        timeout_seconds=5,
        idempotency_key="run_1-step_1-call_1",
    )


def test_a_search_shows_under_its_own_type_and_the_next_step_reads_its_results(
    world: World, service: HttpService
) -> None:
    world.tools = build_registry(settings(world, service))
    world.model.turn(*search("tides Oslo")).turn(*text("At noon."), *stop())
    run = world.create_run(
        world.thread("When is high tide?"),
        tools=[WebSearchTool(type="web_search", blocked_domains=["evil.example"])],
        tool_choice=ToolTypeChoice(type="web_search"),
    )
    world.deliver_next()
    assert world.execute_next() == ["answered"]
    world.deliver_next()

    assert world.get(run).status == "completed"
    first, second = world.model.requests
    assert first.parameters["tool_choice"]["function"] == {"name": "web_search"}
    output = json.loads(second.messages[-1]["content"])
    assert output == [
        {"title": "Tides", "url": "https://tides.example/oslo", "snippet": "High at noon."}
    ]
    steps = world.runner.objects.list_steps(TENANT, run.id, PageQuery(order="asc")).data
    assert steps[0].model_dump(mode="json")["step_details"]["tool_calls"] == [
        {
            "id": "call_0",
            "type": "web_search",
            "web_search": {
                "name": "web_search",
                "arguments": '{"query": "tides Oslo"}',
                "output": second.messages[-1]["content"],
            },
        }
    ]
    deltas = [
        event.data["delta"]["step_details"]["tool_calls"][0]
        for _, event in world.events(run)
        if event.name == "thread.run.step.delta"
    ]
    assert {delta["type"] for delta in deltas} == {"web_search"}
    assert "output" in deltas[-1]["web_search"]
    (asked,) = service.received
    assert parse_qs(urlsplit(asked.target).query)["q"] == ["tides Oslo -site:evil.example"]
    assert "idempotency-key" not in asked.headers


def test_a_searxng_in_a_private_network_is_reached_only_if_it_is_allowed(
    world: World, service: HttpService
) -> None:
    output = build_registry(settings(world, service, egress_allow="")).run("web_search", one_call())
    assert output.failed
    assert "may not be reached" in output.output
    assert service.received == []


def test_a_call_that_outlived_its_provider_is_answered_with_an_error(
    world: World, service: HttpService
) -> None:
    registry = build_registry(settings(world, service, web_search_provider=""))
    output = registry.run("web_search", one_call())
    assert json.loads(output.output) == {"error": "There is no tool of the type 'web_search'."}


def with_key(service: HttpService, kind: str, key: str, path: str = "/api") -> ToolOutput:
    """Search with a service whose key is a SecureString, as in a deployment."""
    boto3.client("ssm", region_name=REGION).put_parameter(
        Name="/search/key", Value=key, Type="SecureString"
    )
    secret, url = parameter_value("/search/key"), f"http://127.0.0.1:{service.port}{path}"
    provider: SearchProvider = Tavily(secret, url) if kind == "tavily" else Brave(secret, url)
    egress = EgressClient(EgressAllowList.parse("127.0.0.1,localhost"))
    return ToolRegistry({"web_search": WebSearcher(egress, provider)}).run("web_search", one_call())


@pytest.mark.parametrize("kind", ["tavily", "brave"])
def test_a_service_with_a_key_gets_the_key_of_the_deployment(
    world: World, service: HttpService, kind: str
) -> None:
    output = with_key(service, kind, KEY)
    assert json.loads(output.output)[0]["title"] == "Tides"
    (asked,) = service.received
    assert KEY not in asked.target + asked.body.decode()


@pytest.mark.parametrize("kind", ["tavily", "brave"])
def test_a_wrong_key_is_told_without_the_services_words(
    world: World, service: HttpService, kind: str
) -> None:
    output = with_key(service, kind, "another")
    assert output.failed
    assert "refused access (HTTP 401)" in output.output
    assert KEY not in output.output


@pytest.mark.parametrize("kind", ["tavily", "brave"])
def test_a_redirect_to_another_host_does_not_carry_the_key(
    world: World, service: HttpService, kind: str
) -> None:
    output = with_key(service, kind, KEY, "/away")
    assert output.failed
    first, second = service.received
    assert KEY in str(first.headers)
    assert KEY not in str(second.headers) + second.target + second.body.decode()
