"""The state machine of infra/tools.asl.json, run by moto, with a worker that the tests play."""

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.awslambda.models import LambdaFunction
from pydantic import TypeAdapter

from core.jobs import CallRef, SettleTask, ToolPhase, ToolTask, WorkerTask
from tests.support.cloudformation import ROOT, Stack

Worker = Callable[[dict[str, Any]], Any]
TASKS: Final[TypeAdapter[ToolTask | SettleTask]] = TypeAdapter(WorkerTask)
REGION: Final = "eu-central-1"
TRUST: Final = json.dumps({"Version": "2012-10-17", "Statement": []})
SUBSTITUTIONS: Final = {
    "Partition": "aws",
    "ToolWorkerArn": f"arn:aws:lambda:{REGION}:123456789012:function:worker",
    "ToolConcurrency": "2",
}


class Machine:
    """The deployed state machine, its queue and its worker.

    Attributes:
        tasks: what the worker was given, in the order in which it came.
    """

    def __init__(self, worker: Worker) -> None:
        self.tasks: list[ToolTask | SettleTask] = []
        self._worker = worker
        self._states = boto3.client("stepfunctions", region_name=REGION)
        self._sqs = boto3.client("sqs", region_name=REGION)
        self._queue = self._sqs.create_queue(QueueName="steps")["QueueUrl"]
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)
        role_arn = role["Role"]["Arn"]
        boto3.client("lambda", region_name=REGION).create_function(
            FunctionName="worker",
            Role=role_arn,
            Runtime="python3.13",
            Handler="tool_worker.handler.handler",
            Code={"ZipFile": b"not run"},
        )
        self._arn = self._states.create_state_machine(
            name="tools", definition=definition(self._queue), roleArn=role_arn
        )["stateMachineArn"]

    def invoke(self, event: Any) -> tuple[str, bool, str]:
        """Stand in for Lambda: the body, whether it is an error, and the log."""
        payload = json.loads(event) if isinstance(event, str | bytes) else event
        self.tasks.append(TASKS.validate_python(payload))
        try:
            return json.dumps(self._worker(payload)), False, ""
        except Exception as error:
            failure = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return json.dumps(failure), True, ""

    def run(self, *calls: CallRef) -> dict[str, Any]:
        """Run a step's calls to the end and return the execution."""
        phase = ToolPhase(
            tenant="proj_1",
            thread_id="thread_1",
            run_id="run_1",
            step_no=1,
            step_id="step_1",
            calls=list(calls),
            next_step='{"step_no": 2}',
        )
        execution = self._states.start_execution(
            stateMachineArn=self._arn, name="run_1-1", input=phase.model_dump_json()
        )["executionArn"]
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            answer = self._states.describe_execution(executionArn=execution)
            if answer["status"] != "RUNNING":
                return dict(answer)
            time.sleep(0.02)
        raise AssertionError("The execution did not end.")

    def resumed(self) -> list[tuple[str, str]]:
        """The messages on the steps queue: body and group."""
        answer = self._sqs.receive_message(
            QueueUrl=self._queue, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"]
        )
        return [(m["Body"], m["Attributes"]["MessageGroupId"]) for m in answer.get("Messages", [])]


def definition(queue_url: str) -> str:
    """The definition as CloudFormation deploys it, with pauses that suit a test."""
    text = (ROOT / "infra" / "tools.asl.json").read_text(encoding="utf-8")
    for name, value in {**SUBSTITUTIONS, "StepsQueueUrl": queue_url}.items():
        text = text.replace("${" + name + "}", value)
    return re.sub(r'"BackoffRate": \d+', '"BackoffRate": 1', text)


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Worker], Machine]]:
    """Deploys the state machine with a given worker."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    def deploy(worker: Worker) -> Machine:
        machine = Machine(worker)
        monkeypatch.setattr(
            LambdaFunction, "_invoke_lambda", lambda _self, event=None: machine.invoke(event)
        )
        return machine

    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield deploy


def call(number: int = 1, seconds: int = 30) -> CallRef:
    return CallRef(call_id=f"call_{number}", timeout_seconds=seconds)


def test_each_call_reaches_the_worker_and_then_the_run_is_resumed(
    start: Callable[[Worker], Machine],
) -> None:
    machine = start(lambda _task: None)
    assert machine.run(call(1), call(2), call(3))["status"] == "SUCCEEDED"
    assert {task.call_id for task in machine.tasks} == {"call_1", "call_2", "call_3"}
    assert all(isinstance(task, ToolTask) for task in machine.tasks)
    assert {(t.tenant, t.thread_id, t.run_id, t.step_id) for t in machine.tasks} == {
        ("proj_1", "thread_1", "run_1", "step_1")
    }
    assert machine.resumed() == [('{"step_no": 2}', "proj_1")]


def test_results_do_not_pass_through_the_machine(start: Callable[[Worker], Machine]) -> None:
    machine = start(lambda _task: {"text": "x" * 100_000})
    execution = machine.run(*(call(number) for number in range(6)))
    assert (execution["status"], execution["output"]) == ("SUCCEEDED", "{}")


@pytest.mark.fault("tool-slow")
def test_a_call_that_takes_too_long_is_settled_as_such(start: Callable[[Worker], Machine]) -> None:
    def slow(task: dict[str, Any]) -> None:
        if task["kind"] == "call":
            time.sleep(3)

    machine = start(slow)
    assert machine.run(call(seconds=1))["status"] == "SUCCEEDED"
    settled = [task for task in machine.tasks if isinstance(task, SettleTask)]
    assert [(task.call_id, task.reason) for task in settled] == [("call_1", "timeout")]
    assert len(machine.resumed()) == 1


@pytest.mark.fault("tool-worker-before", "tool-worker-during", "tool-worker-after")
def test_a_call_that_fails_is_made_once_and_settled_without_the_errors_text(
    start: Callable[[Worker], Machine],
) -> None:
    settlements: list[dict[str, Any]] = []

    def broken(task: dict[str, Any]) -> None:
        if task["kind"] == "call" and task["call_id"] == "call_1":
            raise RuntimeError("sk-secret")
        settlements.extend([task] if task["kind"] == "settle" else [])

    machine = start(broken)
    assert machine.run(call(1), call(2))["status"] == "SUCCEEDED"
    assert sorted(task.call_id for task in machine.tasks if isinstance(task, ToolTask)) == [
        "call_1",
        "call_2",
    ]
    (settlement,) = settlements
    assert (settlement["call_id"], settlement["reason"]) == ("call_1", "error")
    assert "sk-secret" not in json.dumps(settlement)
    assert len(machine.resumed()) == 1


def test_a_call_is_made_again_if_lambda_had_no_room_for_it(
    start: Callable[[Worker], Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = start(lambda _task: None)
    refusals = [True]

    def invoke(_self: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:
        if refusals:
            refusals.pop()
            raise ClientError(
                {
                    "Error": {"Code": "TooManyRequestsException", "Message": "Rate exceeded"},
                    "ResponseMetadata": {
                        "HTTPHeaders": {},
                        "HTTPStatusCode": 429,
                        "HostId": "",
                        "RequestId": "",
                        "RetryAttempts": 0,
                    },
                },
                "Invoke",
            )
        return machine.invoke(event)

    monkeypatch.setattr(LambdaFunction, "_invoke_lambda", invoke)
    assert machine.run(call())["status"] == "SUCCEEDED"
    assert [type(task) for task in machine.tasks] == [ToolTask]


@pytest.mark.fault("call-not-settled")
def test_a_call_that_cannot_even_be_settled_holds_up_neither_the_others_nor_the_run(
    start: Callable[[Worker], Machine],
) -> None:
    def broken(task: dict[str, Any]) -> None:
        if task["call_id"] == "call_1":
            raise RuntimeError

    machine = start(broken)
    assert machine.run(call(1), call(2), call(3))["status"] == "SUCCEEDED"
    attempts = [task for task in machine.tasks if isinstance(task, SettleTask)]
    assert len(attempts) == 4
    assert {task.call_id for task in machine.tasks} == {"call_1", "call_2", "call_3"}
    assert len(machine.resumed()) == 1


def test_a_step_without_calls_is_resumed_at_once(start: Callable[[Worker], Machine]) -> None:
    machine = start(lambda _task: None)
    assert machine.run()["status"] == "SUCCEEDED"
    assert (machine.tasks, len(machine.resumed())) == ([], 1)


@pytest.mark.fault("machine-times-out")
def test_the_machine_ends_within_what_express_workflows_may_take() -> None:
    text = definition("http://queue")
    assert json.loads(text)["TimeoutSeconds"] <= 300
    substitutions = Stack().properties("ToolsStateMachine")["DefinitionSubstitutions"]
    assert substitutions.keys() == {*SUBSTITUTIONS, "StepsQueueUrl"}
