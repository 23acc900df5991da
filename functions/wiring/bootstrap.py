"""Builds each function's parts, once a process and not before they are needed."""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from adapters import aws
from adapters.action_secrets import ActionSecrets
from adapters.dynamodb.deletion import Deletions
from adapters.dynamodb.event_log import EventLog
from adapters.dynamodb.idempotency import AnswerStore
from adapters.dynamodb.keys import KeyStore
from adapters.dynamodb.leases import Leases
from adapters.dynamodb.messages import MessageStore
from adapters.dynamodb.objects import ObjectStore
from adapters.dynamodb.runs import RunStore
from adapters.dynamodb.subscriptions import Subscriptions
from adapters.dynamodb.threads import ThreadStore
from adapters.dynamodb.tickets import TicketStore
from adapters.dynamodb.tool_calls import ToolCalls
from adapters.dynamodb.values import PASSING, BucketTextStore
from adapters.file_bucket import FileBucket
from adapters.files import FileStore
from adapters.model_catalog import ModelCatalog
from adapters.outside import Outside
from adapters.push import Pusher
from adapters.queues import Queues
from adapters.run_writer import RunWriter
from adapters.schedules import Schedules
from adapters.sealing import Sealer
from adapters.secrets import SecretValue, model_key
from adapters.state_machine import ToolsMachine
from core.clock import Clock, system_clock
from core.ids import IdSource
from core.model import ModelClient
from core.token_rates import TokenRates
from wiring.settings import (
    ApiSettings,
    ClientSettings,
    ModelSettings,
    QueueSettings,
    RunnerSettings,
    ScheduleSettings,
    SealingSettings,
    Settings,
    SupervisorSettings,
    TimerSettings,
    WorkerSettings,
    read_settings,
)
from wiring.telemetry import log_failure


@dataclass(frozen=True, slots=True)
class Stores:
    """What every function stands on: the tables, and the way to whoever watches."""

    clock: Clock
    ids: IdSource
    objects: ObjectStore
    threads: ThreadStore
    messages: MessageStore
    files: FileStore
    answers: AnswerStore
    runs: RunStore
    leases: Leases
    calls: ToolCalls
    deletions: Deletions
    event_log: EventLog
    keys: KeyStore
    subscriptions: Subscriptions
    tickets: TicketStore
    pusher: Pusher
    writer: RunWriter


@dataclass(frozen=True, slots=True)
class WorkerContext(Stores):
    """The tool worker's parts."""

    settings: WorkerSettings
    action_secrets: ActionSecrets


@dataclass(frozen=True, slots=True)
class ClientContext(Stores):
    """The parts of whoever carries out what clients ask for: the API and the WebSocket function."""

    settings: ClientSettings
    queues: Queues


@dataclass(frozen=True, slots=True)
class SocketContext(ClientContext):
    """The WebSocket function's parts."""


@dataclass(frozen=True, slots=True)
class ApiContext(ClientContext):
    """The API function's parts."""

    settings: ApiSettings
    catalog: ModelCatalog
    action_secrets: ActionSecrets
    outside: Outside


@dataclass(frozen=True, slots=True)
class SupervisorContext(Stores):
    """The parts of whoever keeps runs moving: timers and dead letters."""

    settings: SupervisorSettings
    queues: Queues
    machine: ToolsMachine


@dataclass(frozen=True, slots=True)
class TimersContext(SupervisorContext):
    """The timers' parts."""

    settings: TimerSettings


@dataclass(frozen=True, slots=True)
class RunnerContext(SupervisorContext):
    """The runner's parts.

    Attributes:
        token_rates: what this process has learned of models; it is lost with the process.
    """

    settings: RunnerSettings
    model: ModelClient
    token_rates: TokenRates = field(default_factory=TokenRates)


def build_stores(
    settings: Settings,
    queues: Queues | None = None,
    *,
    clock: Clock = system_clock,
    secrets: ActionSecrets | None = None,
) -> Stores:
    """Return the parts that every function has.

    Args:
        settings: names the resources.
        queues: of a function that ends runs, so that the next ones on their threads begin.
        clock: gives milliseconds.
        secrets: of a function that writes or reads the authentication of actions.
    """
    dynamodb = aws.dynamodb_client()
    streaming, push = dynamodb, aws.push_client()
    if settings.direct_requests:
        streaming, push = aws.direct_dynamodb(dynamodb), aws.direct_push(push)
    bucket = aws.s3_client()
    texts = BucketTextStore(bucket, settings.bucket)
    passing = BucketTextStore(bucket, settings.bucket, PASSING)
    log = EventLog(streaming, settings.stream_table, passing, clock, settings.event_ttl_seconds)
    runs = RunStore(dynamodb, settings.state_table, log, texts, clock, secrets or _no_key())
    calls = ToolCalls(dynamodb, settings.state_table, texts)
    subscriptions = Subscriptions(streaming, settings.stream_table, clock)
    pusher = Pusher(push, subscriptions)
    return Stores(
        clock=clock,
        ids=IdSource(clock),
        objects=ObjectStore(dynamodb, settings.state_table, texts),
        threads=ThreadStore(dynamodb, settings.state_table, texts),
        messages=MessageStore(dynamodb, settings.state_table, texts),
        files=FileStore(
            dynamodb, settings.state_table, texts, FileBucket(bucket, settings.bucket), clock
        ),
        answers=AnswerStore(dynamodb, settings.stream_table, passing),
        runs=runs,
        leases=Leases(dynamodb, settings.state_table),
        calls=calls,
        deletions=Deletions(dynamodb, settings.state_table, settings.stream_table, texts),
        event_log=log,
        keys=KeyStore(dynamodb, settings.state_table, clock),
        subscriptions=subscriptions,
        tickets=TicketStore(dynamodb, settings.stream_table, clock),
        pusher=pusher,
        writer=RunWriter(runs, calls, pusher, clock, queues, log_failure),
    )


@cache
def api_context() -> ApiContext:
    """Return the API function's parts."""
    settings = read_settings(ApiSettings)
    queues = _queues(settings, _schedules(settings))
    secrets = build_action_secrets(settings)
    return ApiContext(
        **_parts(build_stores(settings, queues, secrets=secrets)),
        settings=settings,
        queues=queues,
        catalog=build_catalog(settings),
        action_secrets=secrets,
        outside=Outside(settings.egress_allow),
    )


@cache
def socket_context() -> SocketContext:
    """Return the WebSocket function's parts."""
    settings = read_settings(ClientSettings)
    queues = _queues(settings, _schedules(settings))
    stores = build_stores(settings, queues, secrets=build_action_secrets(settings))
    return SocketContext(**_parts(stores), settings=settings, queues=queues)


@cache
def worker_context() -> WorkerContext:
    """Return the tool worker's parts."""
    settings = read_settings(WorkerSettings)
    secrets = build_action_secrets(settings)
    return WorkerContext(
        **_parts(build_stores(settings, secrets=secrets)),
        settings=settings,
        action_secrets=secrets,
    )


@cache
def supervisor_context() -> SupervisorContext:
    """Return the parts of dead letters."""
    settings = read_settings(SupervisorSettings)
    queues = _queues(settings)
    return SupervisorContext(
        **_parts(build_stores(settings, queues)),
        settings=settings,
        queues=queues,
        machine=_machine(settings),
    )


@cache
def timers_context() -> TimersContext:
    """Return the timers' parts."""
    settings = read_settings(TimerSettings)
    queues = _queues(settings, _schedules(settings))
    return TimersContext(
        **_parts(build_stores(settings, queues)),
        settings=settings,
        queues=queues,
        machine=_machine(settings),
    )


@cache
def runner_context() -> RunnerContext:
    """Return the runner's parts."""
    settings = read_settings(RunnerSettings)
    queues = _queues(settings)
    return RunnerContext(
        **_parts(build_stores(settings, queues)),
        settings=settings,
        queues=queues,
        machine=_machine(settings),
        model=build_model(settings),
    )


def build_model(settings: RunnerSettings) -> ModelClient:
    """Return the model's client; `openai` is imported here, so that only the runner pays for it."""
    from adapters.model import OpenAIModel

    return OpenAIModel(settings.model_base_url, _model_key(settings), settings.model_idle_seconds)


def build_catalog(settings: ModelSettings) -> ModelCatalog:
    """Return the catalog of the backend's models."""
    return ModelCatalog(settings.model_base_url, _model_key(settings))


def build_action_secrets(settings: SealingSettings) -> ActionSecrets:
    """Return what encrypts the authentication of actions."""
    return ActionSecrets(Sealer(aws.kms_client, settings.encryption_key_arn))


def _no_key() -> ActionSecrets:
    return ActionSecrets(Sealer(aws.kms_client, ""))


def _parts(stores: Stores) -> dict[str, Any]:
    """Return the shared parts by name, to build a larger set from them."""
    return {name: getattr(stores, name) for name in Stores.__slots__}


def _model_key(settings: ModelSettings) -> SecretValue:
    return model_key(settings.model_key_parameter, settings.model_key_secret)


def _queues(settings: QueueSettings, schedules: Schedules | None = None) -> Queues:
    return Queues(
        aws.sqs_client(),
        settings.steps_queue_url,
        settings.timers_queue_url,
        system_clock,
        schedules,
    )


def _schedules(settings: ScheduleSettings) -> Schedules:
    return Schedules(
        aws.scheduler_client,
        settings.schedule_group,
        settings.scheduler_role_arn,
        settings.timers_queue_arn,
    )


def _machine(settings: SupervisorSettings) -> ToolsMachine:
    return ToolsMachine(aws.stepfunctions_client(), settings.tools_state_machine_arn)
