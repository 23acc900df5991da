"""The official SDK drives the API: change `base_url`, keep the code."""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from fastapi.testclient import TestClient
from openai import OpenAI
from openai.types.beta.threads import TextContentBlock

from tests.integration.api.support import WEATHER, created
from tests.support.model import call, stop, text
from tests.support.world import World

BASE_URL = "http://testserver/v1"


@pytest.fixture(autouse=True)
def deprecated() -> Iterator[None]:
    """The SDK marks its Assistants as deprecated; that is what this service is for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@pytest.fixture
def sdk(anonymous: TestClient, project_key: str) -> OpenAI:
    """The SDK with a project's key."""
    return OpenAI(api_key=project_key, base_url=BASE_URL, http_client=anonymous, max_retries=0)


def test_a_conversation_from_the_assistant_to_the_answer(sdk: OpenAI, world: World) -> None:
    assistant = sdk.beta.assistants.create(
        model="test-model", name="Helper", instructions="Be brief.", temperature=0
    )
    assert sdk.beta.assistants.retrieve(assistant.id) == assistant
    thread = sdk.beta.threads.create(messages=[{"role": "user", "content": "Hello"}])
    sdk.beta.threads.messages.create(thread.id, role="user", content="How are you?")
    run = sdk.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    assert run.status == "queued"
    world.model.turn(*text("Well", ", thanks."), *stop())
    assert world.deliver_next()
    run = sdk.beta.threads.runs.poll(run.id, thread_id=thread.id)
    assert run.status == "completed"
    assert run.usage is not None
    assert run.usage.total_tokens == 15
    newest = next(iter(sdk.beta.threads.messages.list(thread.id)))
    (content,) = newest.content
    assert isinstance(content, TextContentBlock)
    assert content.text.value == "Well, thanks."
    (step,) = sdk.beta.threads.runs.steps.list(run.id, thread_id=thread.id)
    assert step.step_details.type == "message_creation"
    assert step.step_details.message_creation.message_id == newest.id


def test_function_calls_are_answered_through_the_sdk(sdk: OpenAI, world: World) -> None:
    tools: Any = [WEATHER]
    assistant = sdk.beta.assistants.create(model="test-model", tools=tools)
    thread = sdk.beta.threads.create(messages=[{"role": "user", "content": "Weather in Rome?"}])
    run = sdk.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    world.model.turn(*call("get_weather", '{"city": "Rome"}', "call_1"), *stop("tool_calls"))
    world.model.turn(*text("It is sunny."), *stop())
    assert world.deliver_next()
    run = sdk.beta.threads.runs.retrieve(run.id, thread_id=thread.id)
    assert run.status == "requires_action"
    assert run.required_action is not None
    (wanted,) = run.required_action.submit_tool_outputs.tool_calls
    run = sdk.beta.threads.runs.submit_tool_outputs(
        run.id,
        thread_id=thread.id,
        tool_outputs=[{"tool_call_id": wanted.id, "output": "sunny"}],
    )
    assert (run.status, run.required_action) == ("queued", None)
    assert world.deliver_next()
    run = sdk.beta.threads.runs.retrieve(run.id, thread_id=thread.id)
    assert run.status == "completed"
    steps = list(sdk.beta.threads.runs.steps.list(run.id, thread_id=thread.id, order="asc"))
    assert [step.type for step in steps] == ["tool_calls", "message_creation"]


def test_a_run_is_cancelled_through_the_sdk(sdk: OpenAI) -> None:
    assistant = sdk.beta.assistants.create(model="test-model")
    thread = sdk.beta.threads.create()
    run = sdk.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    assert sdk.beta.threads.runs.cancel(run.id, thread_id=thread.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError, match="Cannot cancel run with status 'cancelled'"):
        sdk.beta.threads.runs.cancel(run.id, thread_id=thread.id)


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_sdk_walks_all_pages(sdk: OpenAI, order: Any) -> None:
    thread = sdk.beta.threads.create()
    ids = [
        sdk.beta.threads.messages.create(thread.id, role="user", content=str(number)).id
        for number in range(7)
    ]
    listed = [
        message.id for message in sdk.beta.threads.messages.list(thread.id, limit=3, order=order)
    ]
    assert listed == (ids if order == "asc" else ids[::-1])
    assistants = [sdk.beta.assistants.create(model="test-model").id for _ in range(5)]
    found = [assistant.id for assistant in sdk.beta.assistants.list(limit=2, order=order)]
    assert found == (assistants if order == "asc" else assistants[::-1])


def test_files_of_every_kind_go_through_the_sdk(sdk: OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_bytes(b"# Notes\n")
    with path.open("rb") as opened:
        for sent, name, content in (
            (b"\x00bytes", "upload", b"\x00bytes"),
            (path, "notes.md", b"# Notes\n"),
            (opened, "notes.md", b"# Notes\n"),
            (("Gr\u00fc\u00dfe.txt", b"hi"), "Gr\u00fc\u00dfe.txt", b"hi"),
            (("a.csv", io.BytesIO(b"a,b"), "text/csv"), "a.csv", b"a,b"),
        ):
            file = sdk.files.create(file=sent, purpose="assistants")
            assert (file.filename, file.bytes, file.status) == (name, len(content), "processed")
            assert sdk.files.retrieve(file.id) == file
            assert sdk.files.content(file.id).read() == content
            assert sdk.files.wait_for_processing(file.id) == file


def test_files_are_listed_and_deleted_through_the_sdk(sdk: OpenAI) -> None:
    files = [sdk.files.create(file=b"x", purpose="vision").id for _ in range(5)]
    assert [file.id for file in sdk.files.list(limit=2)] == files[::-1]
    assert [file.id for file in sdk.files.list(limit=2, order="asc", purpose="vision")] == files
    assert list(sdk.files.list(purpose="assistants")) == []
    deleted = sdk.files.delete(files[0])
    assert (deleted.id, deleted.deleted) == (files[0], True)
    with pytest.raises(openai.NotFoundError, match=f"No such File object: {files[0]}"):
        sdk.files.content(files[0])


def test_a_file_expires_as_the_sdk_asks(sdk: OpenAI) -> None:
    file = sdk.files.create(
        file=b"x", purpose="user_data", expires_after={"anchor": "created_at", "seconds": 7200}
    )
    assert file.expires_at == file.created_at + 7200
    with pytest.raises(openai.BadRequestError) as refused:
        sdk.files.create(
            file=b"x", purpose="user_data", expires_after={"anchor": "created_at", "seconds": 5}
        )
    assert refused.value.param == "expires_after.seconds"


def test_a_file_is_attached_through_the_sdk(sdk: OpenAI) -> None:
    file = sdk.files.create(file=("a.txt", b"x"), purpose="assistants")
    thread = sdk.beta.threads.create()
    message = sdk.beta.threads.messages.create(
        thread.id, role="user", content="Read.", attachments=[{"file_id": file.id}]
    )
    assert message.attachments is not None
    assert message.attachments[0].file_id == file.id


def test_errors_become_the_sdks_exceptions(sdk: OpenAI, anonymous: TestClient) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        sdk.beta.threads.retrieve("thread_none")
    assert "No thread found with id 'thread_none'." in str(missing.value)
    assert missing.value.request_id is not None
    assert missing.value.request_id.startswith("req_")
    with pytest.raises(openai.BadRequestError) as wrong:
        sdk.beta.assistants.create(model="m", temperature=3)
    assert (wrong.value.param, wrong.value.code) == ("temperature", "decimal_above_max_value")
    assert wrong.value.type == "invalid_request_error"
    outsider = OpenAI(api_key="sk-wrong", base_url=BASE_URL, http_client=anonymous, max_retries=0)
    with pytest.raises(openai.AuthenticationError) as refused:
        outsider.beta.assistants.list()
    assert refused.value.code == "invalid_api_key"


def test_a_busy_thread_is_an_error_that_the_sdk_does_not_retry(
    anonymous: TestClient, project_key: str, world: World
) -> None:
    sdk = OpenAI(api_key=project_key, base_url=BASE_URL, http_client=anonymous, max_retries=5)
    assistant = sdk.beta.assistants.create(model="test-model")
    thread = sdk.beta.threads.create()
    sdk.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    with pytest.raises(openai.BadRequestError, match="already has an active run"):
        sdk.beta.threads.runs.create(thread.id, assistant_id=assistant.id)
    assert len(world.queues.checks) == 2


def test_the_sdk_administers_projects(admin: TestClient, anonymous: TestClient) -> None:
    key = admin.headers["authorization"].removeprefix("Bearer ")
    sdk = OpenAI(
        api_key="unused",
        admin_api_key=key,
        base_url=BASE_URL,
        http_client=anonymous,
        max_retries=0,
    )
    projects = sdk.admin.organization.projects
    project = projects.create(name="Shop")
    assert projects.retrieve(project.id) == project
    assert [found.id for found in projects.list()] == [project.id]
    account = projects.service_accounts.create(project.id, name="bot")
    assert account.api_key is not None
    headers = {"Authorization": f"Bearer {account.api_key.value}"}
    created(anonymous.get("/v1/assistants", headers=headers))
    deleted = projects.service_accounts.delete(account.id, project_id=project.id)
    assert deleted.deleted
