"""Each function's policy is sufficient, and it is enforced: the emulator checks it here."""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import openai
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from infra.local.info import StackInfo
from tests.support.service import Service, names_of, script, text_of
from tests.support.tables import Tables, client_of

pytestmark = pytest.mark.auth
FUNCTION: dict[str, Any] = {"type": "function", "function": {"name": "ask"}}


@pytest.fixture
def service(stack_with_auth: StackInfo) -> Service:
    """The service behind the gateway: every part of it runs with its function's role."""
    return Service(stack_with_auth, stack_with_auth.gateway_base_url)


@pytest.fixture
def closed_action(service: Service) -> dict[str, str]:
    """An action that the worker may not reach: its refusal is an output all the same."""
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Closed", "version": "1"},
        "servers": [{"url": "http://10.0.0.1"}],
        "paths": {
            "/": {"get": {"operationId": "knock", "responses": {"200": {"description": ""}}}}
        },
    }
    created = service.sdk.post("/actions", body={"openapi_schema": document}, cast_to=object)
    assert isinstance(created, dict)
    return {"type": "action", "id": created["data"][0]["id"]}


def test_a_run_with_every_kind_of_step_needs_no_more_than_the_policies_allow(
    service: Service, closed_action: dict[str, str]
) -> None:
    thread_id = service.thread(
        script(
            {"calls": [{"name": "knock", "arguments": {}}]},
            {"calls": [{"name": "ask", "arguments": {}}]},
            {"text": "Done."},
        )
    )
    run = service.start(thread_id, tools=[closed_action, FUNCTION])
    first = service.watch(run)
    assert names_of(first)[-1] == "run.requires_action"
    waiting = service.run(run)
    assert waiting.required_action is not None
    (call,) = waiting.required_action.submit_tool_outputs.tool_calls
    service.sdk.beta.threads.runs.submit_tool_outputs(
        run.id, thread_id=thread_id, tool_outputs=[{"tool_call_id": call.id, "output": "yes"}]
    )
    second = service.watch(run, after=first[-1].id)
    assert names_of(second)[-1] == "run.completed"
    assert text_of(second) == "Done."


def test_the_api_may_read_the_key_of_the_model_backend(service: Service) -> None:
    # A function that may not read the key does not even ask the backend.
    assert [model.id for model in service.sdk.models.list()] == [service.info.model.name]


def test_a_thread_is_deleted_with_no_more_than_the_policies_allow(
    service: Service, stack_with_auth: StackInfo
) -> None:
    thread_id = service.thread(script({"calls": [{"name": "ask", "arguments": {}}]}))
    run = service.wait(service.start(thread_id, tools=[FUNCTION]))
    assert run.status == "requires_action"
    service.sdk.beta.threads.delete(thread_id)
    Tables(stack_with_auth).wait_until_gone(thread_id, run.id)


def test_a_time_to_live_is_scheduled_with_no_more_than_the_policies_allow(
    service: Service, stack_with_auth: StackInfo
) -> None:
    thread = service.sdk.beta.threads.create(extra_body={"ttl_seconds": 86_400})
    # The run waits for its client for longer than a queue can delay its check.
    thread_id = service.thread(script({"calls": [{"name": "ask", "arguments": {}}]}))
    options = {"expires_after_seconds": 86_400, "ttl_seconds": 86_400}
    run = service.wait(service.start(thread_id, tools=[FUNCTION], extra_body=options))
    assert run.status == "requires_action"
    scheduler = client_of(stack_with_auth, "scheduler")
    group = stack_with_auth.outputs["ScheduleGroupName"]

    def kinds() -> set[str]:
        pages = scheduler.get_paginator("list_schedules").paginate(GroupName=group)
        found = [schedule["Name"] for page in pages for schedule in page["Schedules"]]
        return {
            job["kind"]
            for name in found
            for job in [
                json.loads(scheduler.get_schedule(GroupName=group, Name=name)["Target"]["Input"])
            ]
            if job["thread_id"] in (thread.id, thread_id)
        }

    assert kinds() == {"thread_ttl", "run_ttl"}
    deadline = time.monotonic() + 90
    while "check" not in kinds():
        assert time.monotonic() < deadline, "the check did not arm the next one"
        time.sleep(1)


@pytest.fixture
def without_start_execution(stack_with_auth: StackInfo) -> Iterator[None]:
    """The runner's role without the permission to start the state machine."""
    function = stack_with_auth.outputs["RunnerFunctionName"]
    arguments: dict[str, Any] = {
        "endpoint_url": stack_with_auth.emulator_url,
        "region_name": stack_with_auth.region,
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
    role = (
        boto3.client("lambda", **arguments)
        .get_function_configuration(FunctionName=function)["Role"]
        .rsplit("/", 1)[1]
    )
    iam = boto3.client("iam", **arguments)
    denial = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", '
        '"Action": "states:StartExecution", "Resource": "*"}]}'
    )
    iam.put_role_policy(RoleName=role, PolicyName="taken-away", PolicyDocument=denial)
    yield
    iam.delete_role_policy(RoleName=role, PolicyName="taken-away")


def test_without_one_permission_the_run_stops_where_it_is_needed(
    service: Service, closed_action: dict[str, str], without_start_execution: None
) -> None:
    thread_id = service.thread(script({"calls": [{"name": "knock", "arguments": {}}]}))
    run = service.start(thread_id, tools=[closed_action])
    deadline = time.monotonic() + 60
    while not service.sdk.beta.threads.runs.steps.list(run.id, thread_id=thread_id).data:
        assert time.monotonic() < deadline, "the step was not even begun"
        time.sleep(0.2)
    time.sleep(3)
    # The calls were committed, and nobody could start the machine that carries them out.
    (step,) = service.sdk.beta.threads.runs.steps.list(run.id, thread_id=thread_id).data
    assert step.status == "in_progress"
    assert service.run(run).status == "in_progress"
    service.sdk.beta.threads.runs.cancel(run.id, thread_id=thread_id)
    assert service.wait(run).status == "cancelled"


def test_files_need_no_more_than_the_policies_allow(service: Service) -> None:
    content = bytes(range(256)) * 4000
    files = service.sdk.files
    file = files.create(file=("a.bin", content), purpose="assistants")
    assert file.bytes == len(content)
    assert files.content(file.id).read() == content
    service.sdk.beta.threads.create(
        messages=[{"role": "user", "content": "Read.", "attachments": [{"file_id": file.id}]}]
    )
    assert file.id in [found.id for found in files.list(purpose="assistants")]
    assert files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError, match="No such File object"):
        files.content(file.id)


def test_runs_over_the_websocket_need_no_more_than_the_policies_allow(
    service: Service, closed_action: dict[str, str]
) -> None:
    answer: Any = service.sdk.post("/realtime/tickets", body={}, cast_to=object)
    url = f"{answer['websocket_url']}?ticket={answer['ticket']}"
    content = script(
        {"calls": [{"name": "knock", "arguments": {}}]},
        {"calls": [{"name": "ask", "arguments": {}}]},
        {"text": "Done."},
    )
    file = service.sdk.files.create(file=("a.txt", b"Hello."), purpose="assistants")
    message = {"role": "user", "content": content, "attachments": [{"file_id": file.id}]}
    body = {
        "assistant_id": service.assistant.id,
        "thread": {"messages": [message], "ttl_seconds": 86_400},
        "tools": [closed_action, FUNCTION],
        # Too large for an item of the table.
        "instructions": "Be brief. " * 12_000,
        "ttl_seconds": 86_400,
    }
    with connect(url) as socket:
        created = said(socket, {"action": "run.create", "idempotency_key": "1", "run": body})
        assert created["type"] == "run.created", created
        assert names_until(socket, "run.requires_action")[:2] == ["created", "run.created"]
        named = {"thread_id": created["thread_id"], "run_id": created["run_id"]}
        run = service.sdk.beta.threads.runs.retrieve(
            created["run_id"], thread_id=created["thread_id"]
        )
        assert run.required_action is not None
        (call,) = run.required_action.submit_tool_outputs.tool_calls
        outputs = [{"tool_call_id": call.id, "output": "yes"}]
        submit = {"action": "run.submit_tool_outputs", "tool_outputs": outputs, **named}
        socket.send(json.dumps(submit))
        names_until(socket, "run.completed")
        waiting = {
            "messages": [{"role": "user", "content": script({"text": {"tokens": 600}, "rate": 10})}]
        }
        body = {"assistant_id": service.assistant.id, "thread": waiting}
        second = said(socket, {"action": "run.create", "run": body})
        named = {"thread_id": second["thread_id"], "run_id": second["run_id"]}
        socket.send(json.dumps({"action": "run.cancel", **named}))
        names_until(socket, "run.cancelled")
    with pytest.raises(InvalidStatus):
        connect(url)


def said(socket: ClientConnection, request: dict[str, Any]) -> dict[str, Any]:
    """Send a request, and return the next message."""
    socket.send(json.dumps(request))
    answer: dict[str, Any] = json.loads(socket.recv(timeout=30))
    return answer


def names_until(socket: ClientConnection, last: str) -> list[str]:
    """Return the names of events, up to one."""
    names: list[str] = []
    while last not in names:
        message = json.loads(socket.recv(timeout=60))
        assert message.get("type") != "error", message
        names += [event["event"].removeprefix("thread.") for event in message.get("events", ())]
    return names
