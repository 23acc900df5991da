"""Runners that are killed with real signals, and runs that end well all the same."""

import os
import signal
import time
from typing import Any

import psutil
import pytest

from infra.local.info import StackInfo
from tests.support.service import Service, names_of, script, text_of, tokens

REPLACED_WITHIN_SECONDS = 45


@pytest.fixture
def service(stack: StackInfo) -> Service:
    """The service."""
    return Service(stack, stack.base_url)


def request_of(service: Service, content: str, *, beyond: int = 0) -> dict[str, Any]:
    """Return the model's newest request for a message, once there are more than `beyond`."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        found = [
            request
            for request in service.model_requests()
            if request["body"]["messages"][-1]["content"] == content
        ]
        if len(found) > beyond:
            return found[-1]
        time.sleep(0.1)
    raise AssertionError("the model was not asked")


def kill_caller(request: dict[str, Any]) -> None:
    """Kill the process that made a request of the model: the runner's Lambda."""
    for connection in psutil.net_connections("tcp"):
        if connection.laddr and connection.laddr.port == request["peer_port"] and connection.pid:
            os.kill(connection.pid, signal.SIGKILL)
            return
    raise AssertionError("nobody holds the other end of the model's connection")


@pytest.mark.parametrize(
    ("turn", "seen_before"),
    [
        pytest.param({"first_token_delay": 20}, False, id="after-its-claim"),
        pytest.param({"stall_after": 10, "stall": 20}, True, id="after-its-first-delta"),
    ],
)
@pytest.mark.fault("runner-after-claim", "runner-after-delta")
def test_a_killed_runner_is_replaced_and_the_answer_is_whole(
    service: Service, turn: dict[str, Any], seen_before: bool
) -> None:
    content = script({"text": {"tokens": 20}, "rate": 100, **turn, "stall_times": 1})
    if not seen_before:
        content = script({"text": {"tokens": 20}, "rate": 100, **turn})
    run = service.start(service.thread(content))
    request = request_of(service, content)
    if seen_before:
        while not service.sdk.beta.threads.messages.list(run.thread_id, run_id=run.id).data:
            time.sleep(0.1)
    kill_caller(request)
    killed_at = time.time()

    second = request_of(service, content, beyond=1)
    assert second["received_at"] - killed_at < REPLACED_WITHIN_SECONDS
    events = service.watch(run)

    names = names_of(events)
    assert names[-1] == "run.completed"
    assert names.count("message.completed") == 1
    assert ("message.incomplete" in names) is seen_before
    assert ("run.step.failed" in names) is seen_before
    whole = service.sdk.beta.threads.messages.list(run.thread_id, run_id=run.id).data[0]
    assert whole.content[0].type == "text"
    assert whole.content[0].text.value == tokens(20)
    assert [event.id for event in events] == service.logged(run)
    assert text_of(events).endswith(tokens(20))
    # The thread is free again.
    service.wait(service.start(run.thread_id, instructions="Go on."))
