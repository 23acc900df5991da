"""The official SDK's Azure clients drive the API: change the endpoint, keep the code."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import openai
import pytest
from anyio.from_thread import start_blocking_portal
from fastapi.testclient import TestClient
from openai import AsyncAzureOpenAI, AzureOpenAI
from openai.types.beta.threads import Run, TextContentBlock

from api.app import create_app
from tests.integration.api.support import WEATHER, created, refused
from tests.support.model import call, stop, text
from tests.support.world import World
from wiring.bootstrap import ApiContext

ENDPOINT = "http://testserver"
VERSION = "2024-05-01-preview"
# The ways in which programs name an Azure resource.
WAYS: dict[str, dict[str, Any]] = {
    "endpoint": {"azure_endpoint": ENDPOINT},
    "endpoint with a slash": {"azure_endpoint": f"{ENDPOINT}/"},
    "deployment": {"azure_endpoint": ENDPOINT, "azure_deployment": "gpt-4o"},
    "base URL": {"base_url": f"{ENDPOINT}/openai"},
    "base URL of a deployment": {"base_url": f"{ENDPOINT}/openai/deployments/gpt-4o"},
    "base URL of the version 1": {"base_url": f"{ENDPOINT}/openai/v1"},
}
Connect = Callable[..., AzureOpenAI]


@pytest.fixture(autouse=True)
def no_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine's environment says of Azure is not looked at."""
    for name in ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN", "AZURE_OPENAI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def connect(anonymous: TestClient) -> Connect:
    """Makes a client of the API."""

    def make(way: dict[str, Any], **credentials: Any) -> AzureOpenAI:
        return AzureOpenAI(
            **way, **credentials, api_version=VERSION, http_client=anonymous, max_retries=0
        )

    return make


@pytest.fixture
def sdk(connect: Connect, project_key: str) -> AzureOpenAI:
    """The SDK's Azure client with a project's key."""
    return connect(WAYS["endpoint"], api_key=project_key)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_conversation_from_the_assistant_to_the_answer(
    connect: Connect, project_key: str, world: World, way: dict[str, Any]
) -> None:
    sdk = connect(way, api_key=project_key)
    assistant = sdk.beta.assistants.create(model="test-model", instructions="Be brief.")
    assert sdk.beta.assistants.retrieve(assistant.id) == assistant
    thread = sdk.beta.threads.create()
    asked = sdk.beta.threads.messages.create(thread.id, role="user", content="How are you?")
    run = sdk.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    world.model.turn(*text("Well", ", thanks."), *stop())
    assert world.deliver_next()
    run = sdk.beta.threads.runs.poll(run.id, thread_id=thread.id)
    assert (run.status, run.model) == ("completed", "test-model")
    newest, oldest = sdk.beta.threads.messages.list(thread.id, limit=1)
    assert oldest == asked
    (content,) = newest.content
    assert isinstance(content, TextContentBlock)
    assert content.text.value == "Well, thanks."
    (step,) = sdk.beta.threads.runs.steps.list(run.id, thread_id=thread.id)
    assert step.type == "message_creation"


def test_function_calls_are_answered(sdk: AzureOpenAI, world: World) -> None:
    tools: Any = [WEATHER]
    assistant = sdk.beta.assistants.create(model="test-model", tools=tools)
    thread = sdk.beta.threads.create(messages=[{"role": "user", "content": "Weather in Rome?"}])
    run = sdk.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    world.model.turn(*call("get_weather", '{"city": "Rome"}', "call_1"), *stop("tool_calls"))
    world.model.turn(*text("It is sunny."), *stop())
    assert world.deliver_next()
    run = sdk.beta.threads.runs.submit_tool_outputs(
        run.id, thread_id=thread.id, tool_outputs=[{"tool_call_id": "call_1", "output": "sunny"}]
    )
    assert world.deliver_next()
    assert sdk.beta.threads.runs.retrieve(run.id, thread_id=thread.id).status == "completed"


def test_errors_become_the_sdks_exceptions(sdk: AzureOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="No thread found with id 'thread_none'"):
        sdk.beta.threads.retrieve("thread_none")
    with pytest.raises(openai.BadRequestError) as wrong:
        sdk.beta.assistants.create(model="m", temperature=3)
    assert wrong.value.param == "temperature"
    outsider = sdk.with_options(api_key="sk-wrong")
    with pytest.raises(openai.AuthenticationError) as refusal:
        outsider.beta.assistants.list()
    assert refusal.value.code == "invalid_api_key"


def test_a_token_for_azure_is_the_key_too(connect: Connect, project_key: str) -> None:
    for way in WAYS.values():
        for credentials in (
            {"azure_ad_token": project_key},
            {"azure_ad_token_provider": lambda: project_key},
        ):
            assert list(connect(way, **credentials).beta.assistants.list()) == []


@pytest.fixture
def run_async(context: ApiContext, project_key: str) -> Iterator[Callable[..., Run]]:
    """Lets an asynchronous client create a run, on a loop of its own."""

    async def converse(way: dict[str, Any]) -> Run:
        transport = httpx2.ASGITransport(app=create_app(context))
        async with (
            httpx2.AsyncClient(transport=transport) as http,
            AsyncAzureOpenAI(
                **way, api_key=project_key, api_version=VERSION, http_client=http, max_retries=0
            ) as sdk,
        ):
            assistant = await sdk.beta.assistants.create(model="test-model")
            thread = await sdk.beta.threads.create()
            run: Run = await sdk.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
            return await sdk.beta.threads.runs.retrieve(run.id, thread_id=thread.id)

    with start_blocking_portal() as portal:
        yield lambda way: portal.call(converse, way)


def test_the_asynchronous_client_takes_the_same_ways(
    run_async: Callable[..., Run], world: World
) -> None:
    runs = [run_async(way) for way in WAYS.values()]
    assert {run.status for run in runs} == {"queued"}
    assert [job.run_id for job in world.queues.steps] == [run.id for run in runs]


def test_a_path_that_is_unknown_is_shown_as_the_client_wrote_it(client: TestClient) -> None:
    for path in ("/openai/nowhere", "/openai/v1/nowhere", "/openai/deployments/d/nowhere"):
        error = refused(client.post(f"{path}?api-version={VERSION}"), 404)
        assert error["message"] == f"Invalid URL (POST {path})"
    error = refused(client.put("/openai/assistants"), 405)
    assert error["message"].startswith("Not allowed to PUT on /openai/assistants.")


def test_a_key_in_the_url_opens_nothing(anonymous: TestClient, project_key: str) -> None:
    for name in ("api-key", "api_key", "key", "authorization"):
        answer = anonymous.get("/openai/assistants", params={name: project_key})
        assert refused(answer, 401)["message"].startswith("You didn't provide an API key.")


def test_azures_header_counts_on_azures_paths_only(anonymous: TestClient, project_key: str) -> None:
    headers = {"api-key": project_key}
    created(anonymous.get("/openai/assistants", headers=headers))
    refused(anonymous.get("/v1/assistants", headers=headers), 401)


def test_the_log_has_the_clients_path_and_nothing_of_its_query_or_key(
    anonymous: TestClient, project_key: str, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"api-key": project_key}
    created(anonymous.get("/openai/assistants?api-version=SECRET", headers=headers))
    (logged,) = [record for record in caplog.records if record.message == "request answered"]
    assert vars(logged)["path"] == "/openai/assistants"
    assert "SECRET" not in str(vars(logged))
    assert project_key not in str(vars(logged))


def test_a_page_of_any_origin_may_call_in_azures_form(anonymous: TestClient) -> None:
    answer = anonymous.options(
        "/openai/threads",
        headers={
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "api-key,content-type",
        },
    )
    assert answer.status_code == 200
    assert "api-key" in answer.headers["access-control-allow-headers"]


def test_the_document_lists_each_path_once(anonymous: TestClient) -> None:
    paths = created(anonymous.get("/v1/openapi.json"))["paths"]
    assert not [path for path in paths if path.startswith("/openai")]
