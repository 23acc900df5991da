"""Settings, one typed class a function, read from the environment and from nowhere else."""

import os
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Positive = Annotated[int, Field(gt=0)]
SearchProviderName = Literal["", "tavily", "brave", "searxng"]
S = TypeVar("S", bound="Settings")


class SettingsError(Exception):
    """The environment does not say what a function needs to know."""


class Settings(BaseModel):
    """What every function needs.

    Attributes:
        state_table, stream_table, bucket: where things are kept.
        event_ttl_seconds: how long events can be read again.
        direct_requests: what is asked many times a second goes past boto3 (`adapters.direct`);
            tests that put something in boto3's place leave it off.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    state_table: Annotated[str, Field(min_length=1)]
    stream_table: Annotated[str, Field(min_length=1)]
    bucket: Annotated[str, Field(min_length=1)]
    event_ttl_seconds: Positive = 86_400
    direct_requests: bool = False


class QueueSettings(Settings):
    """For functions that send messages."""

    steps_queue_url: Annotated[str, Field(min_length=1)]
    timers_queue_url: Annotated[str, Field(min_length=1)]


class ModelSettings(Settings):
    """For functions that call the model backend.

    Attributes:
        model_base_url: an OpenAI-compatible endpoint.
        model_key_parameter: name of the SSM parameter (SecureString) that holds the model's key.
        model_key_secret: ARN of the secret that holds it instead.
    """

    model_base_url: Annotated[str, Field(min_length=1)]
    model_key_parameter: str = ""
    model_key_secret: str = ""


class ScheduleSettings(QueueSettings):
    """For functions whose messages may wait for longer than a queue can delay them.

    Attributes:
        timers_queue_arn: the queue that schedules send to.
        schedule_group: where schedules are kept.
        scheduler_role_arn: the role that sends for them.
    """

    timers_queue_arn: Annotated[str, Field(min_length=1)]
    schedule_group: Annotated[str, Field(min_length=1)]
    scheduler_role_arn: Annotated[str, Field(min_length=1)]


class SealingSettings(Settings):
    """For functions that store or read credentials of tenants.

    Attributes:
        encryption_key_arn: of the KMS key that encrypts them; "" for none.
    """

    encryption_key_arn: str = ""


class EgressSettings(SealingSettings):
    """For functions that call services of tenants.

    Attributes:
        egress_allow: hosts and networks that may be reached although they are private.
    """

    egress_allow: str = ""


class ClientSettings(ScheduleSettings, SealingSettings):
    """The functions that carry out what clients ask for; the WebSocket function needs no more.

    Attributes:
        websocket_url: told to clients that ask how to get to the WebSocket.
        web_search_provider: without one, the tool `web_search` is refused.
    """

    websocket_url: str = ""
    web_search_provider: SearchProviderName = ""


class ApiSettings(ClientSettings, ModelSettings, EgressSettings):
    """The API function.

    Attributes:
        api_stage: the gateway's stage, which stands before the paths.
        streaming: whether an answer leaves the process while it is being made; else it is refused
            to stream.
        stream_seconds: how long a stream may last: less than the function's own time.
    """

    api_stage: str = ""
    streaming: bool = False
    stream_seconds: Positive = 840


class SupervisorSettings(QueueSettings):
    """The functions that keep runs moving: timers and dead letters, and the runner itself."""

    tools_state_machine_arn: Annotated[str, Field(min_length=1)]


class TimerSettings(SupervisorSettings, ScheduleSettings):
    """The timers: checks of runs, deletions, times to live."""


class RunnerSettings(SupervisorSettings, ModelSettings):
    """The runner.

    Attributes:
        model_idle_seconds: the longest silence of a model within its answer.
        lease_seconds: how long a run is held without being renewed.
        flush_ms, flush_bytes: deltas are written this often, or when there are this many bytes.
        max_steps: after this many steps with calls, the model must answer in words.
        tool_timeout_seconds: how long one tool call may take.
    """

    model_idle_seconds: Positive = 120
    lease_seconds: Positive = 30
    flush_ms: Positive = 50
    flush_bytes: Positive = 4096
    max_steps: Positive = 24
    tool_timeout_seconds: Positive = 30


class WorkerSettings(EgressSettings):
    """The tool worker.

    Attributes:
        web_search_provider: who searches the web; "" is nobody.
        web_search_url: where SearXNG is; the other providers have one place.
        web_search_key_parameter: name of the SSM parameter (SecureString) that holds the key for
            the provider; SearXNG wants none.
    """

    web_search_provider: SearchProviderName = ""
    web_search_url: str = ""
    web_search_key_parameter: str = ""


def read_settings(kind: type[S], environment: Mapping[str, str] = os.environ) -> S:
    """Return the settings that the environment gives; an empty variable counts as missing.

    Raises:
        SettingsError: names the variables at fault.
    """
    values = {
        name: environment[name.upper()]
        for name in kind.model_fields
        if environment.get(name.upper())
    }
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        names = sorted({str(fault["loc"][0]).upper() for fault in error.errors()})
        raise SettingsError(
            f"These environment variables are missing or wrong: {', '.join(names)}."
        ) from None
