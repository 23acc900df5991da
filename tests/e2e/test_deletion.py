"""A thread with thousands of messages is deleted: at once for its users, then in every table."""

import json
import time

import openai
import pytest

from infra.local.info import StackInfo
from tests.support.service import Service, script
from tests.support.tables import Tables, client_of

MESSAGES = 3000
ANSWERED_WITHIN_SECONDS = 5


@pytest.fixture
def service(stack: StackInfo) -> Service:
    """The service behind the gateway."""
    return Service(stack, stack.gateway_base_url)


def test_a_thread_with_thousands_of_messages_is_out_of_sight_at_once_and_soon_gone(
    service: Service, stack: StackInfo
) -> None:
    tables = Tables(stack)
    thread_id, other = service.thread("Hi"), service.thread("Hello")
    run = service.wait(service.start(thread_id))
    bystander = service.wait(service.start(other))
    assert (run.status, bystander.status) == ("completed", "completed")
    tables.fill(thread_id, MESSAGES)
    assert len(service.sdk.beta.threads.messages.list(thread_id, limit=100).data) == 100
    assert tables.items_of(thread_id, run.id)["thread"] > MESSAGES
    untouched = tables.items_of(other, bystander.id)
    assert all(untouched.values())

    started = time.monotonic()
    deleted = service.sdk.beta.threads.delete(thread_id)
    assert time.monotonic() - started < ANSWERED_WITHIN_SECONDS
    assert deleted.to_dict() == {"id": thread_id, "object": "thread.deleted", "deleted": True}
    with pytest.raises(openai.NotFoundError, match=f"No thread found with id '{thread_id}'"):
        service.sdk.beta.threads.retrieve(thread_id)
    with pytest.raises(openai.NotFoundError):
        service.sdk.beta.threads.messages.create(thread_id, role="user", content="Still there?")

    tables.wait_until_gone(thread_id, run.id)
    assert tables.items_of(other, bystander.id) == untouched
    assert service.run(bystander).status == "completed"


def test_a_thread_with_a_time_to_live_has_a_schedule_that_sends_to_the_timers_queue(
    service: Service, stack: StackInfo
) -> None:
    before = time.time()
    thread = service.sdk.beta.threads.create(extra_body={"ttl_seconds": 7200})
    scheduler = client_of(stack, "scheduler")
    group = stack.outputs["ScheduleGroupName"]
    names = [
        found["Name"]
        for page in scheduler.get_paginator("list_schedules").paginate(GroupName=group)
        for found in page["Schedules"]
    ]
    schedules = [scheduler.get_schedule(GroupName=group, Name=name) for name in names]
    (made,) = [found for found in schedules if thread.id in found["Target"]["Input"]]
    assert json.loads(made["Target"]["Input"])["kind"] == "thread_ttl"
    assert made["Target"]["Arn"].endswith(stack.outputs["TimersQueueUrl"].rsplit("/", 1)[1])
    assert made["ActionAfterCompletion"] == "DELETE"
    due = int(made["Name"].rsplit("-", 1)[1])
    assert before + 7200 - 1 <= due <= time.time() + 7200
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(due))
    assert made["ScheduleExpression"] == f"at({moment})"


def test_a_run_that_waits_for_its_client_ends_when_its_thread_is_deleted(
    service: Service, stack: StackInfo
) -> None:
    tables = Tables(stack)
    function = {"type": "function", "function": {"name": "ask"}}
    thread_id = service.thread(script({"calls": [{"name": "ask", "arguments": {}}]}))
    run = service.wait(service.start(thread_id, tools=[function]))
    assert run.status == "requires_action"
    service.sdk.beta.threads.delete(thread_id)
    tables.wait_until_gone(thread_id, run.id)
    with pytest.raises(openai.NotFoundError):
        service.run(run)
