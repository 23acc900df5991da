"""Who may do what according to template.yaml: least privilege, and no key in the open."""

import re
from typing import Final

import pytest

from tests.support.cloudformation import Stack, read_template
from tests.support.template import (
    HANDLERS,
    LOCAL,
    QUEUE_OF,
    as_list,
    functions_of,
    grants,
    holders,
    role_of,
    statements,
    variables,
)

# Actions that AWS authorizes for all resources only (Service Authorization Reference).
WITHOUT_RESOURCES: Final = {
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:UpdateLogDelivery",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
# The functions that call the model backend.
CALLERS: Final = ("RunnerFunction", "ApiFunction")
STACKS: Final = [
    pytest.param({}, id="defaults"),
    pytest.param(LOCAL, id="local"),
    pytest.param({"SnapStart": "PublishedVersions"}, id="snapstart"),
    pytest.param({"ModelKeySecretArn": "arn:aws:secretsmanager:x:1:secret:k"}, id="secret"),
    pytest.param({"WebSearchProvider": "brave"}, id="search"),
    pytest.param({"EncryptionKeyArn": "arn:aws:kms:eu-central-1:1:key/k"}, id="encryption"),
]


def test_no_parameter_takes_a_key_itself() -> None:
    parameters = read_template()["Parameters"]
    suspects = {n for n in parameters if re.search(r"key|secret|token|password", n, re.I)}
    assert suspects == {
        "EncryptionKeyArn",
        "ModelKeyParameter",
        "ModelKeySecretArn",
        "WebSearchKeyParameter",
    }
    for name in suspects:
        assert not re.search(parameters[name]["AllowedPattern"], "sk-proj-abcdef0123456789")
    assert re.search(parameters["ModelKeyParameter"]["AllowedPattern"], "/threadrunner/model-key")


def key_grants(stack: Stack, function: str) -> set[tuple[str, str]]:
    """What a function may do with parameters and secrets."""
    return {
        (action, target)
        for action, target in grants(stack, role_of(stack, function))
        if action.startswith(("ssm:", "secretsmanager:"))
    }


@pytest.mark.parametrize("function", HANDLERS)
def test_only_who_calls_the_model_backend_reads_its_key_and_only_that_key(function: str) -> None:
    stack = Stack(ModelKeyParameter="/a/key")
    parameter = "arn:aws:ssm:eu-central-1:111111111111:parameter/a/key"
    if function not in CALLERS:
        assert key_grants(stack, function) == set()
        return
    assert key_grants(stack, function) == {("ssm:GetParameter", parameter)}
    given = variables(stack, function)
    assert (given["MODEL_KEY_PARAMETER"], given["MODEL_KEY_SECRET"]) == ("/a/key", "")


@pytest.mark.parametrize("function", CALLERS)
def test_a_secret_replaces_the_parameter(function: str) -> None:
    arn = "arn:aws:secretsmanager:eu-central-1:1:secret:k"
    stack = Stack(ModelKeySecretArn=arn)
    assert key_grants(stack, function) == {("secretsmanager:GetSecretValue", arn)}
    given = variables(stack, function)
    assert (given["MODEL_KEY_PARAMETER"], given["MODEL_KEY_SECRET"]) == ("", arn)


@pytest.mark.parametrize("provider", ["tavily", "brave"])
def test_only_the_tool_worker_reads_the_key_of_the_search_provider_and_only_that(
    provider: str,
) -> None:
    stack = Stack(
        ModelKeyParameter="", WebSearchProvider=provider, WebSearchKeyParameter="/search/key"
    )
    assert holders(stack, "ssm:GetParameter") == {"ToolWorkerFunction"}
    arn = "arn:aws:ssm:eu-central-1:111111111111:parameter/search/key"
    assert ("ssm:GetParameter", arn) in grants(stack, "ToolWorkerRole")
    given = variables(stack, "ToolWorkerFunction")
    assert given["WEB_SEARCH_KEY_PARAMETER"] == "/search/key"
    assert "WEB_SEARCH_KEY_PARAMETER" not in variables(stack, "ApiFunction")


@pytest.mark.parametrize("parameters", [{}, {"WebSearchProvider": "searxng"}])
def test_without_a_provider_that_wants_a_key_the_tool_worker_reads_none(
    parameters: dict[str, str],
) -> None:
    stack = Stack(ModelKeyParameter="", **parameters)
    assert holders(stack, "ssm:GetParameter") == set()
    assert variables(stack, "ToolWorkerFunction")["WEB_SEARCH_KEY_PARAMETER"] == ""


def test_secrets_are_sealed_by_who_takes_them_and_opened_by_the_api_and_the_tool_worker() -> None:
    arn = "arn:aws:kms:eu-central-1:111111111111:key/k"
    stack = Stack(EncryptionKeyArn=arn)
    # Whoever creates runs stores what they bring for their actions.
    sealing = {"ApiFunction", "StreamingFunction", "WebSocketFunction"}
    assert holders(stack, "kms:Encrypt") == sealing
    assert holders(stack, "kms:Decrypt") == {"ApiFunction", "ToolWorkerFunction"}
    for function in sealing | {"ToolWorkerFunction"}:
        allowed = grants(stack, role_of(stack, function))
        assert {target for action, target in allowed if action.startswith("kms:")} == {arn}
        assert variables(stack, function)["ENCRYPTION_KEY_ARN"] == arn


def test_without_a_key_for_secrets_nobody_may_use_any() -> None:
    stack = Stack()
    for action in ("kms:Encrypt", "kms:Decrypt"):
        assert holders(stack, action) == set()
    assert variables(stack, "ToolWorkerFunction")["ENCRYPTION_KEY_ARN"] == ""


def test_the_api_reaches_for_documents_and_tries_what_the_tool_worker_may() -> None:
    stack = Stack(EgressAllow="10.0.0.0/8")
    for function in ("ApiFunction", "ToolWorkerFunction"):
        assert variables(stack, function)["EGRESS_ALLOW"] == "10.0.0.0/8"


def test_a_backend_without_a_key_needs_no_permission() -> None:
    stack = Stack(ModelKeyParameter="")
    assert holders(stack, "ssm:GetParameter") == set()


@pytest.mark.parametrize("parameters", STACKS)
def test_each_function_has_a_role_of_its_own_with_nothing_but_its_own_policy(
    parameters: dict[str, str],
) -> None:
    stack = Stack(**parameters)
    roles = stack.of_type("AWS::IAM::Role")
    functions = functions_of(stack)
    assert set(roles) == {role_of(stack, name) for name in functions} | {
        "ToolsRole",
        "SchedulerRole",
    }
    assert len(roles) == len(functions) + 2
    for properties in roles.values():
        assert "ManagedPolicyArns" not in properties
        assert len(properties["Policies"]) == 1
    for properties in stack.of_type("AWS::Serverless::Function").values():
        assert not {"Policies", "Events"} & properties.keys()


@pytest.mark.parametrize("parameters", STACKS)
def test_no_action_is_a_pattern_and_only_what_has_no_resources_is_allowed_on_all(
    parameters: dict[str, str],
) -> None:
    stack = Stack(**parameters)
    on_all: set[str] = set()
    for role in stack.of_type("AWS::IAM::Role"):
        for statement in statements(stack, role):
            assert statement["Effect"] == "Allow"
            assert not {"NotAction", "NotResource"} & statement.keys()
            actions = as_list(statement["Action"])
            assert not [action for action in actions if "*" in action]
            if "*" in as_list(statement["Resource"]):
                on_all.update(actions)
    assert on_all == WITHOUT_RESOURCES


def test_functions_are_allowed_nothing_on_all_resources_but_to_send_traces() -> None:
    stack = Stack()
    for function in HANDLERS:
        on_all = {
            action for action, target in grants(stack, role_of(stack, function)) if target == "*"
        }
        assert on_all == {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}


def test_nobody_scans() -> None:
    stack = Stack()
    for action in ("dynamodb:Scan", "s3:ListBucket"):
        assert holders(stack, action) == set()


def test_only_those_who_sweep_threads_delete_in_bulk() -> None:
    stack = Stack()
    sweepers = {"TimersFunction", "ApiFunction"}
    for table in ("StateTable", "StreamTable"):
        assert holders(stack, "dynamodb:BatchWriteItem", table) == sweepers
    assert holders(stack, "s3:DeleteObject") == sweepers


def test_schedules_are_made_in_the_stacks_group_by_those_whose_messages_wait_for_long() -> None:
    stack = Stack()
    makers = {"ApiFunction", "StreamingFunction", "WebSocketFunction", "TimersFunction"}
    assert holders(stack, "scheduler:CreateSchedule") == makers
    schedules = "arn:aws:scheduler:eu-central-1:111111111111:schedule/${ScheduleGroup}/*"
    for role in ("ApiRole", "StreamingRole", "WebSocketRole", "TimersRole"):
        allowed = {g for g in grants(stack, role) if g[0].startswith(("scheduler:", "iam:"))}
        assert allowed == {
            ("scheduler:CreateSchedule", schedules),
            ("iam:PassRole", "SchedulerRole.Arn"),
        }


def test_the_schedules_role_is_given_to_the_scheduler_alone() -> None:
    stack = Stack()
    passing = [
        statement
        for role in stack.of_type("AWS::IAM::Role")
        for statement in statements(stack, role)
        if "iam:PassRole" in as_list(statement["Action"])
    ]
    assert len(passing) == 4
    for statement in passing:
        assert statement["Condition"] == {
            "StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}
        }


def test_schedules_may_send_to_the_timers_queue_and_nothing_else() -> None:
    stack = Stack()
    assert grants(stack, "SchedulerRole") == {("sqs:SendMessage", "TimersQueue.Arn")}
    (trust,) = stack.properties("SchedulerRole")["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "111111111111"}}


def test_the_websocket_function_makes_and_changes_runs_and_deletes_none_of_the_state() -> None:
    allowed = {a for a, target in grants(Stack(), "WebSocketRole") if target == "StateTable.Arn"}
    actions = ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "ConditionCheckItem")
    assert allowed == {f"dynamodb:{action}" for action in actions}


def test_the_streaming_function_may_do_less_than_the_api_and_nothing_else() -> None:
    stack = Stack()
    own = {
        ("logs:CreateLogStream", "StreamingLogGroup.Arn"),
        ("logs:PutLogEvents", "StreamingLogGroup.Arn"),
    }
    assert grants(stack, "StreamingRole") - own < grants(stack, "ApiRole")


def test_only_the_functions_that_keep_runs_moving_start_tools_and_send_messages() -> None:
    stack = Stack()
    supervisors = {"RunnerFunction", "TimersFunction", "DeadLettersFunction"}
    assert holders(stack, "states:StartExecution") == supervisors
    for queue in ("StepsQueue", "TimersQueue"):
        assert holders(stack, "sqs:SendMessage", queue) == supervisors | {
            "ApiFunction",
            "StreamingFunction",
            "WebSocketFunction",
        }


def test_a_queue_is_read_by_its_consumer_alone() -> None:
    stack = Stack()
    for function, queue in QUEUE_OF.items():
        for action in ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"):
            assert holders(stack, f"sqs:{action}", queue) == {function}


def test_connections_are_written_to_on_this_stage_only() -> None:
    stack = Stack()
    assert holders(stack, "execute-api:ManageConnections") == set(HANDLERS)
    targets = {
        target
        for function in HANDLERS
        for action, target in grants(stack, role_of(stack, function))
        if action == "execute-api:ManageConnections"
    }
    prefix = "arn:aws:execute-api:eu-central-1:111111111111:${WebSocketApi}"
    assert targets == {f"{prefix}/live/POST/@connections/*"}
