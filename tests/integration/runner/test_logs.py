"""What the runner tells its operators, and what it keeps to itself."""

import io
import json
import logging
from typing import Any

import pytest

from core.model import ModelFailure
from runner import handler as runner_handler
from tests.support.model import call, stop, text
from tests.support.world import TENANT, World, function_tool
from wiring.telemetry import logger

SECRETS = (
    "the question nobody may read",
    "the answer nobody may read",
    "the argument",
    "Be brief.",
)


class _LambdaContext:
    function_name = "runner"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:runner"
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


@pytest.fixture
def lines(
    world: World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> list[dict[str, Any]]:
    """What the handler logs in a run with an answer, a call, a failure and a crash."""
    monkeypatch.setattr(runner_handler, "runner_context", lambda: world.runner)
    # The logger keeps the standard output that it was made with, which is another test's.
    logged = io.StringIO()
    tap = logging.StreamHandler(logged)
    tap.setFormatter(logger.registered_formatter)
    powertools = logging.getLogger(logger.service)
    powertools.addHandler(tap)
    question, answer, argument, _ = SECRETS
    world.model.turn(*text(answer), *stop())
    world.model.turn(*call("ask", json.dumps({"x": argument}), "call_1"), *stop("tool_calls"))
    world.model.turn(ModelFailure("HTTP 400", code="invalid_prompt"))
    for _ in range(4):
        world.create_run(world.thread(question), tools=[function_tool("ask")])
        deliver(world)
    powertools.removeHandler(tap)
    printed = [line for line in capfd.readouterr().out.splitlines() if '"_aws"' in line]
    return [json.loads(line) for line in (*logged.getvalue().splitlines(), *printed)]


def deliver(world: World) -> None:
    """Have the real handler consume the next step's message."""
    record = {
        "messageId": "m1",
        "receiptHandle": "handle",
        "body": world.queues.steps.pop(0).model_dump_json(),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(world.clock() - 250),
        },
    }
    runner_handler.handler({"Records": [record]}, _LambdaContext())


def test_no_line_holds_a_message_an_argument_or_instructions(lines: list[dict[str, Any]]) -> None:
    assert len(lines) >= 8
    told = json.dumps(lines)
    for secret in SECRETS:
        assert secret not in told


def test_every_line_of_a_step_says_which_run_it_is_about(lines: list[dict[str, Any]]) -> None:
    committed = [line for line in lines if line.get("message") == "step committed"]
    assert len(committed) == 4
    for line in committed:
        assert line["tenant"] == TENANT
        assert line["thread_id"].startswith("thread_")
        assert line["run_id"].startswith("run_")
        assert (line["step_no"], line["epoch"]) == (0, 1)


def test_a_failure_is_logged_by_what_it_means(lines: list[dict[str, Any]]) -> None:
    # The fourth run asks the model once more than was scripted: an error that nobody foresaw.
    reasons = [line["reason"] for line in lines if "reason" in line]
    assert reasons == ["HTTP 400", "The model's answer could not be read."]


def test_metrics_tell_steps_times_failures_and_the_queues_age(lines: list[dict[str, Any]]) -> None:
    emf = [line for line in lines if "_aws" in line]
    assert len(emf) == 4
    for line in emf:
        assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "ThreadRunner"
        assert line["QueueAge"] == [250]
        assert line["Steps"] == [1]
        assert line["StepTime"][0] >= 0
    assert ["FirstToken" in line for line in emf] == [True, True, False, False]
    assert ["ModelFailures" in line for line in emf] == [False, False, True, True]
    assert ["RunsFailed" in line for line in emf] == [False, False, True, True]
