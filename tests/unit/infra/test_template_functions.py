"""The functions of template.yaml: one artifact, logs that forget, and their settings."""

from typing import Final

import pytest

from tests.support.cloudformation import ROOT, Stack, read_template
from tests.support.template import HANDLERS, LOCAL, functions_of, grants, role_of, variables
from wiring.settings import (
    ApiSettings,
    ClientSettings,
    RunnerSettings,
    Settings,
    SupervisorSettings,
    TimerSettings,
    WorkerSettings,
    read_settings,
)

SETTINGS: Final[dict[str, type[Settings]]] = {
    "ApiFunction": ApiSettings,
    "StreamingFunction": ApiSettings,
    "WebSocketFunction": ClientSettings,
    "RunnerFunction": RunnerSettings,
    "TimersFunction": TimerSettings,
    "DeadLettersFunction": SupervisorSettings,
    "ToolWorkerFunction": WorkerSettings,
}


def test_the_functions_share_one_artifact() -> None:
    stack = Stack()
    functions = stack.of_type("AWS::Serverless::Function")
    assert {name: properties["Handler"] for name, properties in functions.items()} == HANDLERS
    assert stack.function_globals["CodeUri"] == "functions/"
    shared = {"CodeUri", "Runtime", "Architectures", "Layers"}
    own = {name: shared & properties.keys() for name, properties in functions.items()}
    assert {name: found for name, found in own.items() if found} == {
        "StreamingFunction": {"Layers"}
    }


def test_functions_run_on_arm_by_default_and_on_what_is_asked_for() -> None:
    assert Stack().function_globals["Architectures"] == ["arm64"]
    assert Stack().function_globals["Runtime"] == "python3.13"
    local = Stack(Architecture="x86_64", RuntimeVersion="python3.11").function_globals
    assert (local["Architectures"], local["Runtime"]) == (["x86_64"], "python3.11")


@pytest.mark.parametrize("function", HANDLERS)
def test_each_function_logs_into_a_group_of_its_own_that_forgets(function: str) -> None:
    stack = Stack(LogRetentionDays="14")
    logging = stack.properties(function)["LoggingConfig"]
    group = logging["LogGroup"]["Ref"]
    assert group == function.removesuffix("Function") + "LogGroup"
    assert stack.properties(group)["RetentionInDays"] == "14"
    written = {
        target for action, target in grants(stack, role_of(stack, function)) if "logs:" in action
    }
    assert written == {f"{group}.Arn"}


def test_every_log_group_forgets() -> None:
    groups = Stack(AccessLogs="true").of_type("AWS::Logs::LogGroup")
    assert len(groups) == len(HANDLERS) + 2
    assert all(properties["RetentionInDays"] == "30" for properties in groups.values())


@pytest.mark.parametrize(("function", "kind"), SETTINGS.items())
def test_each_function_is_told_what_its_settings_ask_for_and_no_more(
    function: str, kind: type[Settings]
) -> None:
    # The path of a request comes without the stage.
    asked = {name.upper() for name in kind.model_fields} - {"API_STAGE"}
    given = {
        name
        for name in variables(Stack(), function)
        if not name.startswith(("AWS_", "POWERTOOLS_"))
    }
    assert given == asked


@pytest.mark.parametrize(("function", "kind"), SETTINGS.items())
def test_the_templates_defaults_are_valid_settings(function: str, kind: type[Settings]) -> None:
    given = variables(Stack(), function)
    environment = {n: v if isinstance(v, str) else f"the-{n}" for n, v in given.items()}
    settings = read_settings(kind, environment)
    for name, field in kind.model_fields.items():
        if isinstance(field.default, int) and not isinstance(field.default, bool):
            assert getattr(settings, name) == field.default, name
    assert settings.direct_requests


@pytest.mark.parametrize("provider", ["", "tavily", "brave", "searxng"])
def test_all_who_offer_or_use_it_agree_on_who_searches_the_web(provider: str) -> None:
    stack = Stack(WebSearchProvider=provider, WebSearchUrl="http://searx.internal:8080")
    for function in ("ApiFunction", "WebSocketFunction", "ToolWorkerFunction"):
        given = variables(stack, function)
        environment = {n: v if isinstance(v, str) else f"the-{n}" for n, v in given.items()}
        settings = read_settings(SETTINGS[function], environment)
        assert isinstance(settings, ClientSettings | WorkerSettings)
        assert settings.web_search_provider == provider


def test_the_stack_is_not_deployed_with_a_searxng_that_is_nowhere() -> None:
    assert Stack(WebSearchProvider="searxng").broken_rules() == [
        "WebSearchUrl must say where SearXNG is."
    ]
    for parameters in (
        {},
        {"WebSearchProvider": "brave"},
        {"WebSearchProvider": "searxng", "WebSearchUrl": "http://searx.internal"},
    ):
        assert Stack(**parameters).broken_rules() == []


def test_only_the_function_behind_the_adapter_streams() -> None:
    stack = Stack(StreamSeconds="600")
    for function, streams in (("ApiFunction", False), ("StreamingFunction", True)):
        given = variables(stack, function)
        environment = {n: v if isinstance(v, str) else f"the-{n}" for n, v in given.items()}
        settings = read_settings(ApiSettings, environment)
        assert (settings.streaming, settings.stream_seconds) == (streams, 600)


def test_a_stream_ends_before_its_function_is_stopped() -> None:
    longest = read_template()["Parameters"]["StreamSeconds"]["MaxValue"]
    # A read that is under way, and the last events to be pushed.
    assert longest + 15 <= Stack().properties("StreamingFunction")["Timeout"]


@pytest.mark.parametrize(
    ("processor", "layer"),
    [("arm64", "LambdaAdapterLayerArm64"), ("x86_64", "LambdaAdapterLayerX86")],
)
def test_the_streaming_function_is_a_web_server_behind_the_adapter(
    processor: str, layer: str
) -> None:
    stack = Stack(Architecture=processor, WebAdapterVersion="31")
    function = stack.properties("StreamingFunction")
    account = "arn:aws:lambda:eu-central-1:753240598075:layer"
    assert function["Layers"] == [f"{account}:{layer}:31"]
    given = variables(stack, "StreamingFunction")
    assert given["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/bootstrap"
    assert given["AWS_LWA_INVOKE_MODE"] == "response_stream"
    assert given["AWS_LWA_READINESS_CHECK_PATH"] == "/health"
    assert given["AWS_LWA_REMOVE_BASE_PATH"] == f"/{stack.properties('ApiStage')['StageName']}"
    script = ROOT / stack.function_globals["CodeUri"] / function["Handler"]
    # The adapter's wrapper executes it.
    assert script.stat().st_mode & 0o111 == 0o111
    assert script.read_bytes().startswith(b"#!/bin/bash\n")


def test_an_emulator_has_no_function_that_streams() -> None:
    stack = Stack(**LOCAL)
    assert [name for name in stack.resources if name.startswith("Streaming")] == []
    assert set(functions_of(stack)) == HANDLERS.keys() - {"StreamingFunction"}


def test_functions_are_told_where_everything_is() -> None:
    stack = Stack()
    runner = variables(stack, "RunnerFunction")
    assert {name: value["Ref"] for name, value in runner.items() if isinstance(value, dict)} == {
        "STATE_TABLE": "StateTable",
        "STREAM_TABLE": "StreamTable",
        "BUCKET": "Bucket",
        "STEPS_QUEUE_URL": "StepsQueue",
        "TIMERS_QUEUE_URL": "TimersQueue",
        "TOOLS_STATE_MACHINE_ARN": "ToolsStateMachine",
    }


@pytest.mark.parametrize("function", ["ApiFunction", "WebSocketFunction", "TimersFunction"])
def test_functions_whose_messages_wait_for_long_are_told_how_to_schedule_them(
    function: str,
) -> None:
    given = variables(Stack(), function)
    assert given["TIMERS_QUEUE_ARN"] == {"Fn::GetAtt": "TimersQueue.Arn"}
    assert given["SCHEDULE_GROUP"] == {"Ref": "ScheduleGroup"}
    assert given["SCHEDULER_ROLE_ARN"] == {"Fn::GetAtt": "SchedulerRole.Arn"}


def test_logs_and_metrics_name_the_function() -> None:
    stack = Stack(LogLevel="DEBUG")
    names = {variables(stack, function)["POWERTOOLS_SERVICE_NAME"] for function in HANDLERS}
    assert len(names) == len(HANDLERS)
    shared = stack.function_globals["Environment"]["Variables"]
    assert shared["POWERTOOLS_METRICS_NAMESPACE"] == "ThreadRunner"
    assert shared["POWERTOOLS_LOG_LEVEL"] == "DEBUG"


def test_by_default_no_version_is_published() -> None:
    stack = Stack()
    assert not stack.of_type("AWS::Lambda::Version")
    assert not stack.of_type("AWS::Lambda::Alias")


@pytest.mark.parametrize("name", ["Api", "WebSocket", "Runner"])
def test_with_snapstart_a_release_publishes_a_version_that_its_alias_serves(name: str) -> None:
    stack = Stack(SnapStart="PublishedVersions", ReleaseId="abc123")
    function = stack.properties(f"{name}Function")
    assert function["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    # Lambda publishes nothing unless the function itself has changed.
    assert "abc123" in function["Description"]
    assert stack.properties(f"{name}Version")["Description"] == "abc123"
    assert stack.properties(f"{name}Alias")["FunctionVersion"] == {
        "Fn::GetAtt": f"{name}Version.Version"
    }


def test_with_snapstart_everything_calls_the_aliases() -> None:
    stack = Stack(SnapStart="PublishedVersions")
    assert stack.properties("ApiPermission")["FunctionName"] == {"Ref": "ApiAlias"}
    assert stack.properties("RunnerSource")["FunctionName"] == {"Ref": "RunnerAlias"}
    for route in stack.properties("WebSocketApi")["Routes"].values():
        assert route["FunctionArn"] == {"Ref": "WebSocketAlias"}
