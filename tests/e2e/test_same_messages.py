"""The same message many times at the same moment: the queue delivers at least once."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from openai.types.beta.threads import Run

from core.jobs import StepJob
from infra.local.info import StackInfo
from tests.support.http_service import Exchange, Received, http_service
from tests.support.service import Service, names_of, script, text_of, tokens
from tests.support.tables import Tables, client_of, turns

DEADLINE_SECONDS = 120


@pytest.fixture
def service(stack: StackInfo) -> Service:
    """The service."""
    return Service(stack, stack.base_url)


class Flood:
    """Sends for steps as often as nobody asked for.

    Args:
        stack: whose queue.
    """

    def __init__(self, stack: StackInfo) -> None:
        self._sqs = client_of(stack, "sqs")
        self._url = stack.outputs["StepsQueueUrl"]
        self._tenant = stack.project_id

    def send(self, run: Run, *steps: int) -> None:
        """Send the messages that ask for these steps of a run, all at the same moment.

        Four at once wake four workers, each of which is slow to wake: more show nothing more.
        """
        bodies = [
            StepJob(
                tenant=self._tenant, thread_id=run.thread_id, run_id=run.id, step_no=step
            ).model_dump_json()
            for step in steps
        ]
        together = threading.Barrier(len(bodies))

        def send(body: str) -> None:
            together.wait(DEADLINE_SECONDS)
            self._sqs.send_message(
                QueueUrl=self._url, MessageBody=body, MessageGroupId=self._tenant
            )

        with ThreadPoolExecutor(len(bodies)) as pool:
            list(pool.map(send, bodies))

    def wait_until_delivered(self) -> None:
        """Return once the queue holds no message, and nobody works on one."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        for _ in turns(DEADLINE_SECONDS):
            counted = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)
            if not any(int(counted["Attributes"][name]) for name in names):
                return
        raise AssertionError("messages are left")


def look_up(service: Service, url: str) -> Any:
    """Register an operation of a service, and return the tool."""
    operation = {"operationId": "look_up", "responses": {"200": {"description": "It."}}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Book", "version": "1"},
        "servers": [{"url": url}],
        "paths": {"/it": {"post": operation}},
    }
    actions: Any = service.sdk.post("/actions", body={"openapi_schema": document}, cast_to=object)
    return {"type": "action", "id": actions["data"][0]["id"]}


@pytest.mark.fault("message-twice", "message-same-moment", "message-late", "message-after-end")
def test_steps_and_calls_are_carried_out_once_however_often_they_are_sent_for(
    service: Service, stack: StackInfo
) -> None:
    flood = Flood(stack)
    answer = threading.Event()
    asked = threading.Event()

    def behave(exchange: Exchange, _: Received) -> None:
        asked.set()
        answer.wait(DEADLINE_SECONDS)
        exchange.answer(200, b'{"it": 7}', Content_Type="application/json")

    content = script(
        {"text": "I look it up.", "calls": [{"name": "look_up"}]},
        {"text": {"tokens": 40}, "rate": 40},
    )
    with http_service(behave) as book:
        tool = look_up(service, f"http://127.0.0.1:{book.port}")
        run = service.start(service.thread(content), tools=[tool])
        flood.send(run, 0, 0, 0)
        assert asked.wait(DEADLINE_SECONDS)
        # In its tool phase: the step that was committed, and the one that must not begin yet.
        flood.send(run, 0, 0, 1, 1)
        answer.set()
        # The next step is ready, and its own message is on its way.
        wait_until_called(service, run)
        flood.send(run, 1, 1, 1, 1)
        assert service.wait(run, DEADLINE_SECONDS).status == "completed"
        flood.send(run, 0, 0, 1, 1)
        flood.wait_until_delivered()
        assert len(book.received) == 1

    requests = [
        request["body"]
        for request in service.model_requests()
        if any(turn["content"] == content for turn in request["body"]["messages"])
    ]
    assert [len(body["messages"]) for body in requests] == [1, 3]
    assert json.loads(requests[1]["messages"][-1]["content"]) == {"it": 7}
    events = service.watch(run)
    assert names_of(events) == [
        *["run.created", "run.queued", "run.in_progress"],
        *["run.step.created", "run.step.in_progress", "message.created", "message.in_progress"],
        *["message.delta", "message.completed", "run.step.completed"],
        *["run.step.created", "run.step.in_progress", "run.step.delta", "run.step.completed"],
        *["run.step.created", "run.step.in_progress", "message.created", "message.in_progress"],
        *["message.delta", "message.completed", "run.step.completed", "run.completed"],
    ]
    assert text_of(events) == "I look it up." + tokens(40)
    assert [event.id for event in events] == service.logged(run)
    batches = Tables(stack).batches_of(run.id)
    assert batches[0].after is None
    assert all(after.after == before.last for before, after in pairwise(batches)), "no chain"
    body: Any = {"role": "user", "content": "Thanks."}
    service.sdk.beta.threads.messages.create(run.thread_id, **body)


def wait_until_called(service: Service, run: Run) -> None:
    """Return once the run's calls have their outputs."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        steps = service.sdk.beta.threads.runs.steps.list(run.id, thread_id=run.thread_id).data
        if any(step.type == "tool_calls" and step.status == "completed" for step in steps):
            return
        time.sleep(0.02)
    raise AssertionError("the calls have no outputs")
