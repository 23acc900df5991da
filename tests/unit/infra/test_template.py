"""What matters about template.yaml: nothing that bills while idle, safe state, and limits."""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from adapters.dynamodb.values import LASTING, PASSING
from adapters.file_bucket import PREFIX as FILES
from core.idempotency import KEY_SECONDS
from tests.support.cloudformation import ROOT, Stack, read_template
from tests.support.template import HANDLERS, LOCAL, QUEUE_OF, grants

# While nothing runs, these cost nothing but what they store and the polling of queues.
FREE_WHILE_IDLE: Final = {
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::Method",
    "AWS::ApiGateway::Resource",
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGateway::Stage",
    "AWS::DynamoDB::Table",
    "AWS::IAM::Role",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::Queue",
    "AWS::Scheduler::ScheduleGroup",
    "AWS::Serverless::Function",
    "AWS::Serverless::StateMachine",
    "AWS::Serverless::WebSocketApi",
}


def strings(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from strings(key)
            yield from strings(value)
    elif isinstance(node, list):
        for item in node:
            yield from strings(item)
    else:
        yield str(node)


def test_by_default_no_resource_bills_while_nothing_runs() -> None:
    stack = Stack()
    assert {body["Type"] for body in stack.resources.values()} <= FREE_WHILE_IDLE
    assert "ProvisionedConcurrency" not in " ".join(strings(stack.resources))
    assert {t["BillingMode"] for t in stack.of_type("AWS::DynamoDB::Table").values()} == {
        "PAY_PER_REQUEST"
    }
    for properties in stack.of_type("AWS::Serverless::Function").values():
        assert properties.get("SnapStart", {"ApplyOn": "None"}) == {"ApplyOn": "None"}
        assert "VpcConfig" not in properties


def test_no_customer_key_is_used_anywhere() -> None:
    assert not [text for text in strings(Stack().resources) if "kms" in text.lower()]


def test_what_must_last_outlives_the_stack() -> None:
    stack = Stack()
    for name in ("StateTable", "Bucket"):
        resource = stack.resources[name]
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    assert stack.resources["StreamTable"]["DeletionPolicy"] == "Delete"


def test_the_stream_table_forgets_and_the_state_table_does_not() -> None:
    stack = Stack()
    assert stack.properties("StreamTable")["TimeToLiveSpecification"] == {
        "AttributeName": "expires_at",
        "Enabled": True,
    }
    assert "TimeToLiveSpecification" not in stack.properties("StateTable")


@pytest.mark.parametrize("wanted", ["true", "false"])
def test_the_state_table_is_backed_up_if_wanted(wanted: str) -> None:
    stack = Stack(PointInTimeRecovery=wanted)
    recovery = stack.properties("StateTable")["PointInTimeRecoverySpecification"]
    assert recovery == {"PointInTimeRecoveryEnabled": wanted}
    assert "PointInTimeRecoverySpecification" not in stack.properties("StreamTable")


def test_the_bucket_is_private_encrypted_and_drops_abandoned_uploads() -> None:
    bucket = Stack().properties("Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    rules = bucket["LifecycleConfiguration"]["Rules"]
    (cleaning,) = [rule for rule in rules if "AbortIncompleteMultipartUpload" in rule]
    assert cleaning["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1}
    assert cleaning["Status"] == "Enabled"


def test_the_bucket_keeps_values_of_passing_items_longer_than_any_item_and_nothing_else_ends() -> (
    None
):
    rules = Stack().properties("Bucket")["LifecycleConfiguration"]["Rules"]
    (ending,) = [rule for rule in rules if "ExpirationInDays" in rule]
    assert (ending["Status"], ending["Prefix"]) == ("Enabled", f"{PASSING}/")
    longest = read_template()["Parameters"]["EventTtlSeconds"]["MaxValue"]
    assert ending["ExpirationInDays"] * 86_400 > max(longest, KEY_SECONDS)
    assert not any(prefix.startswith(PASSING) for prefix in (LASTING, FILES))


def test_the_bucket_refuses_plain_http_except_on_an_emulator_which_speaks_nothing_else() -> None:
    (statement,) = Stack().properties("BucketPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [{"Fn::GetAtt": "Bucket.Arn"}, "${Bucket.Arn}/*"]
    assert "BucketPolicy" not in Stack(**LOCAL).resources


def test_a_message_is_invisible_for_longer_than_its_consumer_may_take() -> None:
    longest = read_template()["Parameters"]["RunnerTimeoutSeconds"]["MaxValue"]
    stack = Stack(RunnerTimeoutSeconds=str(longest))
    for function, queue in QUEUE_OF.items():
        timeout = int(stack.properties(function)["Timeout"])
        assert int(stack.properties(queue)["VisibilityTimeout"]) > timeout


@pytest.mark.parametrize("function", QUEUE_OF)
def test_one_failed_message_does_not_bring_back_its_neighbours(function: str) -> None:
    source = Stack().properties(function.removesuffix("Function") + "Source")
    assert source["FunctionName"] == {"Fn::GetAtt": f"{function}.Arn"}
    assert source["EventSourceArn"] == {"Fn::GetAtt": f"{QUEUE_OF[function]}.Arn"}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"]["MaximumConcurrency"]


def test_a_step_is_a_batch_of_its_own_and_as_many_run_as_the_operator_allows() -> None:
    source = Stack(RunnerConcurrency="7").properties("RunnerSource")
    assert (source["BatchSize"], source["ScalingConfig"]) == (1, {"MaximumConcurrency": "7"})


def test_on_the_emulator_the_concurrency_is_a_number() -> None:
    scaling = Stack(**LOCAL).properties("RunnerSource")["ScalingConfig"]
    assert isinstance(scaling["MaximumConcurrency"], int)


def test_messages_that_keep_failing_end_where_they_are_kept_longer() -> None:
    stack = Stack()
    chain = {
        name: properties["RedrivePolicy"]
        for name, properties in stack.of_type("AWS::SQS::Queue").items()
        if "RedrivePolicy" in properties
    }
    targets = {name: policy["deadLetterTargetArn"]["Fn::GetAtt"] for name, policy in chain.items()}
    assert targets == {
        "StepsQueue": "DeadLetterQueue.Arn",
        "DeadLetterQueue": "ParkedQueue.Arn",
        "TimersQueue": "ParkedQueue.Arn",
    }
    assert chain["StepsQueue"]["maxReceiveCount"] == 8
    two_weeks = 14 * 24 * 3600
    for queue in ("DeadLetterQueue", "ParkedQueue"):
        assert stack.properties(queue)["MessageRetentionPeriod"] == two_weeks
    for queue in ("StepsQueue", "TimersQueue"):
        assert stack.properties(queue)["MessageRetentionPeriod"] < two_weeks


def test_every_queue_is_standard_and_encrypted() -> None:
    for properties in Stack().of_type("AWS::SQS::Queue").values():
        assert properties["SqsManagedSseEnabled"] is True
        assert "FifoQueue" not in properties


def test_the_state_machine_is_express_and_logs_errors_without_what_they_are_about() -> None:
    machine = Stack().properties("ToolsStateMachine")
    assert machine["Type"] == "EXPRESS"
    logging = machine["Logging"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)
    (destination,) = logging["Destinations"]
    arn = destination["CloudWatchLogsLogGroup"]["LogGroupArn"]
    assert arn == {"Fn::GetAtt": "ToolsLogGroup.Arn"}
    name = Stack().properties("ToolsLogGroup")["LogGroupName"]
    assert name.startswith("/aws/vendedlogs/states/")


def test_the_state_machine_may_call_the_worker_and_resume_the_run() -> None:
    allowed = {g for g in grants(Stack(), "ToolsRole") if g[0].startswith(("lambda:", "sqs:"))}
    assert allowed == {
        ("lambda:InvokeFunction", "ToolWorkerFunction.Arn"),
        ("sqs:SendMessage", "StepsQueue.Arn"),
    }


def test_the_template_fills_in_what_the_definition_leaves_open() -> None:
    machine = Stack().properties("ToolsStateMachine")
    definition = (ROOT / machine["DefinitionUri"]).read_text(encoding="utf-8")
    left_open = set(re.findall(r"\$\{(\w+)\}", definition))
    assert left_open == machine["DefinitionSubstitutions"].keys()


def test_the_worker_outlives_the_longest_call() -> None:
    longest = read_template()["Parameters"]["ToolTimeoutSeconds"]["MaxValue"]
    assert Stack().properties("ToolWorkerFunction")["Timeout"] > longest


@pytest.mark.parametrize(("tracing", "traced"), [("Active", True), ("PassThrough", False)])
def test_everything_is_traced_or_nothing(tracing: str, traced: bool) -> None:
    stack = Stack(Tracing=tracing)
    assert stack.function_globals["Tracing"] == tracing
    assert stack.properties("ApiStage")["TracingEnabled"] is traced
    assert stack.properties("ToolsStateMachine")["Tracing"] == {"Enabled": traced}


@pytest.mark.parametrize(("parameters", "disabled"), [({}, "false"), (LOCAL, "true")])
def test_traces_are_written_where_there_is_an_x_ray(
    parameters: dict[str, str], disabled: str
) -> None:
    shared = Stack(**parameters).function_globals["Environment"]["Variables"]
    assert shared["POWERTOOLS_TRACE_DISABLED"] == disabled


def test_every_parameter_is_explained() -> None:
    text = (ROOT / "infra" / "README.md").read_text(encoding="utf-8")
    template = read_template()
    explained = set(re.findall(r"`(\w+)`", text))
    assert template["Parameters"].keys() <= explained
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"])


def test_operators_are_told_the_names_of_everything() -> None:
    outputs = Stack().outputs
    assert outputs.keys() >= {f"{name}Name" for name in HANDLERS}
    assert outputs.keys() >= {
        f"{name}Url" for name in ("StepsQueue", "TimersQueue", "DeadLetterQueue", "ParkedQueue")
    }
    assert outputs.keys() >= {
        "BaseUrl",
        "BucketName",
        "StateTableName",
        "StreamTableName",
        "ToolsStateMachineArn",
        "WebSocketManagementUrl",
        "WebSocketUrl",
    }
