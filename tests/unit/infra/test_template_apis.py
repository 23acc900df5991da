"""The HTTP and the WebSocket API of template.yaml."""

import hashlib
import json
import re

import pytest

from tests.support.cloudformation import Stack, read_template
from tests.support.template import LOCAL, variables


def test_every_path_and_method_reaches_the_api_function() -> None:
    stack = Stack()
    methods = stack.of_type("AWS::ApiGateway::Method")
    assert [properties["ResourceId"] for properties in methods.values()] == [
        {"Fn::GetAtt": "RestApi.RootResourceId"},
        {"Ref": "ProxyResource"},
    ]
    assert stack.properties("ProxyResource")["PathPart"] == "{proxy+}"
    for properties in methods.values():
        assert properties["HttpMethod"] == "ANY"
        integration = properties["Integration"]
        assert (integration["Type"], integration["TimeoutInMillis"]) == ("AWS_PROXY", 29_000)
        assert integration["TimeoutInMillis"] >= stack.properties("ApiFunction")["Timeout"] * 1000


def test_only_this_api_and_stage_may_call_the_function() -> None:
    (permission,) = Stack().of_type("AWS::Lambda::Permission").values()
    source = "arn:aws:execute-api:eu-central-1:111111111111:${RestApi}/live/*"
    assert permission["SourceArn"] == source


def test_the_deployments_name_tells_what_it_deploys() -> None:
    resources = read_template()["Resources"]
    kinds = ("RestApi", "Resource", "Method")
    deployed = {
        name: body
        for name, body in resources.items()
        if body["Type"] in {f"AWS::ApiGateway::{kind}" for kind in kinds}
    }
    digest = hashlib.sha256(json.dumps(deployed, sort_keys=True).encode()).hexdigest()[:8]
    names = {n for n, body in resources.items() if body["Type"] == "AWS::ApiGateway::Deployment"}
    assert names == {f"ApiDeployment{digest}", f"ApiSnapStartDeployment{digest}"}, (
        "The API has changed: rename its deployments, or API Gateway goes on serving the old one."
    )


@pytest.mark.parametrize("snap_start", ["None", "PublishedVersions"])
def test_the_stage_serves_the_deployment_that_exists(snap_start: str) -> None:
    stack = Stack(SnapStart=snap_start)
    (deployment,) = stack.of_type("AWS::ApiGateway::Deployment")
    assert stack.properties("ApiStage")["DeploymentId"] == {"Ref": deployment}
    methods = set(stack.of_type("AWS::ApiGateway::Method"))
    assert set(stack.resources[deployment]["DependsOn"]) == methods


def test_requests_are_throttled_and_their_contents_never_logged() -> None:
    stack = Stack(ApiRateLimit="5", ApiBurstLimit="9")
    (http,) = stack.properties("ApiStage")["MethodSettings"]
    websocket = stack.properties("WebSocketApi")["DefaultRouteSettings"]
    for settings in (http, websocket):
        assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == ("5", "9")
        assert settings["DataTraceEnabled"] is False
        assert settings["LoggingLevel"] == "OFF"


def test_access_logs_need_an_account_role_and_are_off_by_default() -> None:
    stack = Stack()
    assert "AccessLogGroup" not in stack.resources
    assert "AccessLogSetting" not in stack.properties("ApiStage")
    assert "AccessLogSettings" not in stack.properties("WebSocketApi")


def test_access_logs_hold_neither_query_strings_nor_headers_nor_keys() -> None:
    stack = Stack(AccessLogs="true")
    for settings in (
        stack.properties("ApiStage")["AccessLogSetting"],
        stack.properties("WebSocketApi")["AccessLogSettings"],
    ):
        fields = json.loads(settings["Format"])
        assert "$context.status" in fields.values()
        for name, value in fields.items():
            assert not re.search(r"query|header|identity|authorizer|error", f"{name} {value}", re.I)


def test_the_websocket_function_gets_every_route() -> None:
    routes = Stack().properties("WebSocketApi")["Routes"]
    assert set(routes) == {"$connect", "$disconnect", "$default"}
    target = {"Fn::GetAtt": "WebSocketFunction.Arn"}
    assert all(route["FunctionArn"] == target for route in routes.values())


def test_on_aws_urls_are_the_gateways() -> None:
    stack = Stack()
    host = "execute-api.eu-central-1.amazonaws.com/live"
    assert stack.outputs["BaseUrl"] == f"https://${{RestApi}}.{host}/v1"
    assert stack.outputs["WebSocketUrl"] == f"wss://${{WebSocketApi}}.{host}"
    management = f"https://${{WebSocketApi}}.{host}"
    assert stack.outputs["WebSocketManagementUrl"] == management
    given = variables(stack, "RunnerFunction")
    assert given["AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"] == management


def test_on_an_emulator_urls_are_its_own() -> None:
    stack = Stack(**LOCAL)
    path = "127.0.0.1:4566/_aws/execute-api"
    assert stack.outputs["BaseUrl"] == f"http://{path}/${{RestApi}}/live/v1"
    assert stack.outputs["WebSocketUrl"] == f"ws://{path}/${{WebSocketApi}}/live"
    management = f"http://{path}/${{WebSocketApi}}/live"
    assert stack.outputs["WebSocketManagementUrl"] == management
    given = variables(stack, "RunnerFunction")
    assert given["AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"] == management


@pytest.mark.parametrize("parameters", [{}, LOCAL])
def test_the_api_tells_clients_the_websockets_url(parameters: dict[str, str]) -> None:
    stack = Stack(**parameters)
    assert variables(stack, "ApiFunction")["WEBSOCKET_URL"] == stack.outputs["WebSocketUrl"]
