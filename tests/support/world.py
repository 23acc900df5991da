"""Real handlers on moto: everything but the emulator's own machinery, in one thread."""

import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3

from adapters.dynamodb.records import message_item
from adapters.push import Pusher
from adapters.queues import Queues
from adapters.run_writer import RunWriter
from core.dispatch import StartTools
from core.event_log import Event, EventId
from core.images import HEAD_BYTES, image_type
from core.jobs import CheckJob, StepJob, TimerJob, ToolTask
from core.records import RunRecord
from core.run_machine import run_event
from core.schema.files import FileRecord
from core.schema.formats import ResponseFormat
from core.schema.messages import Message, Text, TextContent
from core.schema.runs import RunConfig, TruncationStrategy
from core.schema.threads import Thread
from core.schema.tools import FunctionTool, Tool, ToolChoice
from runner.handler import handle_record
from runner.timers import carry_out as carry_out_timer
from runner.timers import check
from tests.support.clock import FakeClock
from tests.support.model import ScriptedModel
from tool_worker.handler import carry_out
from tool_worker.registry import ToolRegistry
from wiring.bootstrap import RunnerContext, TimersContext, WorkerContext, build_stores
from wiring.settings import RunnerSettings, TimerSettings, WorkerSettings
from wiring.telemetry import log_failure

TENANT = "proj_test"
REGION = "us-east-1"
_TABLES = ("state", "stream")
_ITEMS_AT_ONCE = 25


class Killed(BaseException):
    """The process dies here: nothing after this line runs."""


def make_resources() -> dict[str, str]:
    """Create tables, queues and bucket in moto; return them as environment variables."""
    make_tables()
    boto3.client("s3", region_name=REGION).create_bucket(Bucket="bucket")
    sqs = boto3.client("sqs", region_name=REGION)
    boto3.client("scheduler", region_name=REGION).create_schedule_group(Name="schedules")
    return {
        "STATE_TABLE": "state",
        "STREAM_TABLE": "stream",
        "BUCKET": "bucket",
        "STEPS_QUEUE_URL": sqs.create_queue(QueueName="steps")["QueueUrl"],
        "TIMERS_QUEUE_URL": sqs.create_queue(QueueName="timers")["QueueUrl"],
        "TIMERS_QUEUE_ARN": f"arn:aws:sqs:{REGION}:123456789012:timers",
        "SCHEDULE_GROUP": "schedules",
        "SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/scheduler",
        "TOOLS_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:tools",
        "MODEL_BASE_URL": "http://model.invalid/v1",
    }


def make_tables() -> None:
    """Create the tables in moto."""
    dynamodb = boto3.client("dynamodb", region_name=REGION)
    for table in _TABLES:
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )


class RecordedQueues(Queues):
    """Remembers messages instead of sending them: a test delivers them when it likes."""

    def __init__(self) -> None:
        self.steps: list[StepJob] = []
        self.step_delays: list[int] = []
        self.checks: list[tuple[CheckJob, int]] = []
        self.timers: list[tuple[TimerJob, int]] = []
        self.returned: list[int] = []

    def send_step(self, job: StepJob, delay_seconds: int = 0) -> None:
        self.steps.append(job)
        self.step_delays.append(delay_seconds)

    def send_check(self, job: CheckJob, delay_seconds: int) -> None:
        self.checks.append((job, delay_seconds))

    def send_timer(self, job: TimerJob, delay_seconds: int) -> None:
        self.timers.append((job, delay_seconds))

    def return_step(self, receipt_handle: str, delay_seconds: int) -> None:
        self.returned.append(delay_seconds)


class RecordedMachine:
    """Remembers executions instead of starting them."""

    def __init__(self) -> None:
        self.started: list[StartTools] = []

    def start(self, tools: StartTools) -> None:
        """Remember an execution."""
        self.started.append(tools)


class RecordedPusher(Pusher):
    """Remembers what was pushed, in order."""

    def __init__(self) -> None:
        self.batches: list[Any] = []
        self.texts: list[tuple[str, str]] = []

    def publish(self, tenant: str, thread_id: str, run_id: str, batch: Any) -> None:
        self.batches.append(batch)

    def send(self, connection_id: str, text: str) -> bool:
        self.texts.append((connection_id, text))
        return True

    def drain(self, timeout_seconds: float) -> bool:
        return True


class Lambda:
    """What a handler sees of its invocation."""

    aws_request_id = "request"
    function_name = "function"
    memory_limit_in_mb = 512
    invoked_function_arn = f"arn:aws:lambda:{REGION}:000000000000:function:function"

    def __init__(self, remaining_seconds: float = 900) -> None:
        self._remaining_seconds = remaining_seconds

    def get_remaining_time_in_millis(self) -> int:
        """How long the function may still run."""
        return int(self._remaining_seconds * 1000)


@dataclass
class World:
    """A tenant's corner of the service, and the hands that deliver its messages."""

    clock: FakeClock
    runner: RunnerContext
    timers: TimersContext
    worker: WorkerContext
    queues: RecordedQueues
    machine: RecordedMachine
    pusher: RecordedPusher
    model: ScriptedModel
    tools: ToolRegistry | None = None
    invocations: int = field(default=0)

    def clear(self) -> None:
        """Forget everything: moto copies all that its tables hold for each transaction."""
        dynamodb = boto3.client("dynamodb", region_name=REGION)
        for table in _TABLES:
            dynamodb.delete_table(TableName=table)
        make_tables()
        for sent in (
            self.queues.steps,
            self.queues.checks,
            self.queues.timers,
            self.queues.returned,
            self.machine.started,
            self.pusher.batches,
            self.pusher.texts,
        ):
            sent.clear()

    def thread(self, *texts: str) -> str:
        """Create a thread with user messages; return its id."""
        now = self.clock() // 1000
        thread = Thread(id=self.runner.ids.new("thread"), created_at=now, metadata={})
        messages = [self.message(thread.id, content) for content in texts]
        self.runner.threads.create(TENANT, thread, messages)
        return thread.id

    def fill(self, thread_id: str, count: int, **fields: Any) -> None:
        """Put many messages into a thread, past its store: moto copies its tables for each call.

        Args:
            thread_id: the thread.
            count: how many.
            fields: what is different from a user's message.
        """
        dynamodb = boto3.client("dynamodb", region_name=REGION)
        for start in range(0, count, _ITEMS_AT_ONCE):
            requests: Any = [
                {"PutRequest": {"Item": message_item(TENANT, message, self.runner.runs._texts)}}
                for message in (
                    self.message(thread_id, "Hello").model_copy(update=fields)
                    for _ in range(min(_ITEMS_AT_ONCE, count - start))
                )
            ]
            dynamodb.batch_write_item(RequestItems={"state": requests})

    def message(self, thread_id: str, content: str) -> Message:
        """Return a user's message."""
        return Message(
            id=self.runner.ids.new("msg"),
            created_at=self.clock() // 1000,
            thread_id=thread_id,
            status="completed",
            role="user",
            content=[TextContent(text=Text(value=content))],
        )

    def file(self, content: bytes, filename: str = "a.txt", **fields: Any) -> FileRecord:
        """Store a file."""
        image = image_type(content[:HEAD_BYTES])
        defaults: dict[str, Any] = {
            "id": self.runner.ids.new("file", "-"),
            "filename": filename,
            "bytes": len(content),
            "content_type": image or "text/plain",
            "image_type": image,
            "purpose": "assistants",
            "created_at": self.clock() // 1000,
            "expires_at": None,
        }
        record = FileRecord(**(defaults | fields))
        self.runner.files.create(TENANT, record, io.BytesIO(content))
        return record

    def create_run(self, thread_id: str, **config: Any) -> RunRecord:
        """Create a run as the API does; its step's message waits in the queue."""
        now = self.clock() // 1000
        run = RunRecord(
            id=self.runner.ids.new("run"),
            tenant=TENANT,
            thread_id=thread_id,
            config=run_config(**config),
            created_at=now,
            expires_at=now + 600,
        )
        created = Event("thread.run.created", run.to_wire().model_dump(mode="json"))
        check_job = CheckJob(tenant=TENANT, thread_id=thread_id, run_id=run.id, watch=1)
        self.queues.send_check(check_job, 35)
        run, _ = self.runner.runs.create(run, [created, run_event(run)], [])
        self.queues.send_step(StepJob(tenant=TENANT, thread_id=thread_id, run_id=run.id, step_no=0))
        return run

    def get(self, run: RunRecord) -> RunRecord:
        """Return a run as it is now."""
        found = self.runner.runs.get(TENANT, run.thread_id, run.id)
        assert found is not None
        return found

    def deliver(self, job: StepJob, *, deliveries: int = 1, remaining: float = 900) -> bool:
        """Have the runner's real handler carry out a step's message."""
        self.invocations += 1
        record = {
            "messageId": f"m{self.invocations}",
            "receiptHandle": "handle",
            "body": job.model_dump_json(),
            "attributes": {
                "ApproximateReceiveCount": str(deliveries),
                "SentTimestamp": str(self.clock()),
            },
        }
        return handle_record(self.runner, record, Lambda(remaining))  # type: ignore[arg-type]

    def deliver_next(self) -> bool:
        """Deliver the oldest step's message."""
        return self.deliver(self.queues.steps.pop(0))

    def check_next(self) -> None:
        """Let the newest check come due, and carry it out."""
        job, delay = self.queues.checks.pop()
        self.clock.advance(delay)
        check(self.runner, job)

    def carry_out(self, job: TimerJob, *, seconds: float = 60) -> None:
        """Carry out a job of the timers queue; deletions have this long."""
        carry_out_timer(self.timers, job, time.monotonic() + seconds)

    def timer_next(self) -> TimerJob:
        """Let the oldest job of the timers queue that is no check come due, and carry it out."""
        job, delay = self.queues.timers.pop(0)
        self.clock.advance(delay)
        self.carry_out(job)
        return job

    def execute_next(self) -> list[str]:
        """Do what the state machine does: every call, then the message that resumes the run."""
        assert self.tools is not None
        phase = self.machine.started.pop(0).phase
        outcomes = [
            carry_out(
                self.worker,
                self.tools,
                ToolTask(
                    kind="call",
                    tenant=phase.tenant,
                    thread_id=phase.thread_id,
                    run_id=phase.run_id,
                    step_id=phase.step_id,
                    call_id=called.call_id,
                ),
            )
            for called in phase.calls
        ]
        self.queues.send_step(StepJob.model_validate_json(phase.next_step))
        return outcomes

    def events(self, run: RunRecord) -> list[tuple[EventId, Event]]:
        """Return the run's log."""
        batches = self.runner.event_log.read(TENANT, run.id)
        return [numbered for batch in batches for numbered in batch.numbered()]

    def names(self, run: RunRecord) -> list[str]:
        """Return the names of the run's events, without OpenAI's `thread.` prefix."""
        return [event.name.removeprefix("thread.") for _, event in self.events(run)]


def run_config(
    *,
    tools: Sequence[Tool] = (),
    instructions: str = "Be brief.",
    tool_choice: ToolChoice = "auto",
    response_format: ResponseFormat = "auto",
    **given: Any,
) -> RunConfig:
    """Return what a run is asked to do, with defaults for what a test does not care about."""
    defaults: dict[str, Any] = {
        "assistant_id": "asst_test",
        "model": "test-model",
        "metadata": {},
        "temperature": None,
        "top_p": None,
        "max_prompt_tokens": None,
        "max_completion_tokens": None,
        "truncation_strategy": TruncationStrategy(type="auto"),
        "parallel_tool_calls": True,
        "reasoning_effort": None,
    }
    return RunConfig(
        tools=list(tools),
        instructions=instructions,
        tool_choice=tool_choice,
        response_format=response_format,
        **(defaults | given),
    )


def function_tool(name: str) -> FunctionTool:
    """Return a function that the client answers."""
    return FunctionTool.model_validate({"type": "function", "function": {"name": name}})


def build_world(environment: dict[str, str]) -> World:
    """Return a world on the resources that `make_resources` created."""
    clock = FakeClock()
    settings = RunnerSettings.model_validate(
        {name.lower(): value for name, value in environment.items()}
    )
    queues, machine, model = RecordedQueues(), RecordedMachine(), ScriptedModel()
    stores = build_stores(settings, clock=clock)
    pusher = RecordedPusher()
    parts: dict[str, Any] = {name: getattr(stores, name) for name in type(stores).__slots__}
    writer = RunWriter(stores.runs, stores.calls, pusher, clock, queues, log_failure)
    parts |= {"pusher": pusher, "writer": writer}
    runner = RunnerContext(
        **parts,
        settings=settings,
        queues=queues,
        machine=machine,  # type: ignore[arg-type]
        model=model,
    )
    timers = TimersContext(
        **parts,
        settings=TimerSettings.model_validate(
            {name.lower(): value for name, value in environment.items()}
        ),
        queues=queues,
        machine=machine,  # type: ignore[arg-type]
    )
    worker_settings = WorkerSettings.model_validate(settings.model_dump())
    worker = WorkerContext(**parts, settings=worker_settings)
    return World(clock, runner, timers, worker, queues, machine, pusher, model)
