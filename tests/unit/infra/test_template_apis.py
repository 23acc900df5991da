"""The HTTP and the WebSocket API of template.yaml."""

import hashlib
import json
import re
from typing import Any, Final

import pytest

from api.app import create_app
from tests.support.cloudformation import Stack, read_template
from tests.support.template import LOCAL, variables

STREAMS: Final = {
    ("POST", "/v1/threads/runs"),
    ("POST", "/v1/threads/{thread_id}/runs"),
    ("POST", "/v1/threads/{thread_id}/runs/{run_id}/submit_tool_outputs"),
    ("GET", "/v1/threads/{thread_id}/runs/{run_id}/events"),
}
ROUTES: Final = sorted(
    (method.upper(), path)
    for path, item in create_app().openapi()["paths"].items()
    for method in item
)
BESIDE: Final = [
    ("GET", "/"),
    ("GET", "/docs"),
    ("OPTIONS", "/v1/threads/{thread_id}/runs"),
    ("GET", "/v1"),
    ("GET", "/v1/nothing/at/all"),
    ("POST", "/v1/vector_stores/{id}/files"),
    ("POST", "/openai/threads/{thread_id}/runs"),
    ("POST", "/openai/deployments/{name}/threads/runs"),
    ("GET", "/v1/threads/{thread_id}/runs/{run_id}/nothing/at/all"),
    ("GET", "/v1/threads/{thread_id}/nothing"),
]


def find_integration(stack: Stack, method: str, path: str) -> dict[str, Any]:
    """Return the integration that the gateway takes for a request.

    It goes from the left, a name before a variable before `{proxy+}`, and never back: where that
    finds a method, more lenient notions of it find the same one.
    """
    resources = stack.of_type("AWS::ApiGateway::Resource")
    place: Any = {"Fn::GetAtt": "RestApi.RootResourceId"}
    for part in path.strip("/").split("/") if path != "/" else ():
        children = {
            properties["PathPart"]: name
            for name, properties in resources.items()
            if properties["ParentId"] == place
        }
        open_parts = [each for each in children if each.startswith("{")]
        # The gateway refuses a second one.
        assert len(open_parts) <= 1, f"{open_parts} stand side by side"
        taken = part if part in children else open_parts[0]
        place = {"Ref": children[taken]}
        if taken == "{proxy+}":
            break
    methods = {
        properties["HttpMethod"]: properties["Integration"]
        for properties in stack.of_type("AWS::ApiGateway::Method").values()
        if properties["ResourceId"] == place
    }
    found: dict[str, Any] = methods.get(method) or methods["ANY"]
    return found


@pytest.fixture(scope="module")
def stack() -> Stack:
    """The template as it is deployed without any parameters."""
    return Stack()


@pytest.mark.parametrize(("method", "path"), [*ROUTES, *BESIDE])
def test_every_request_reaches_the_function_that_can_answer_it(
    stack: Stack, method: str, path: str
) -> None:
    integration = find_integration(stack, method, path)
    assert (integration["Type"], integration["IntegrationHttpMethod"]) == ("AWS_PROXY", "POST")
    if (method, path) in STREAMS:
        call = "2021-11-15/functions/${StreamingFunction.Arn}/response-streaming-invocations"
        function, mode = "StreamingFunction", "STREAM"
    else:
        call = "2015-03-31/functions/${Target}/invocations"
        function, mode = "ApiFunction", "BUFFERED"
    prefix = "arn:aws:apigateway:eu-central-1:lambda:path"
    assert integration["Uri"] == f"{prefix}/{call}"
    assert integration.get("ResponseTransferMode", "BUFFERED") == mode
    assert integration["TimeoutInMillis"] >= stack.properties(function)["Timeout"] * 1000


@pytest.mark.parametrize(("method", "path"), sorted(STREAMS))
def test_on_an_emulator_every_request_reaches_the_api_function(method: str, path: str) -> None:
    integration = find_integration(Stack(**LOCAL), method, path)
    assert integration["Uri"].endswith("2015-03-31/functions/${ApiFunction.Arn}/invocations")
    assert "ResponseTransferMode" not in integration


def test_every_resource_has_a_method_for_what_does_not_stream() -> None:
    stack = Stack()
    methods = stack.of_type("AWS::ApiGateway::Method").values()
    answered = [each["ResourceId"] for each in methods if each["HttpMethod"] == "ANY"]
    for name in stack.of_type("AWS::ApiGateway::Resource"):
        assert {"Ref": name} in answered, name


def test_only_this_api_and_stage_may_call_the_functions() -> None:
    permissions = Stack().of_type("AWS::Lambda::Permission").values()
    source = "arn:aws:execute-api:eu-central-1:111111111111:${RestApi}/live/*"
    assert {permission["SourceArn"] for permission in permissions} == {source}
    assert [permission["FunctionName"] for permission in permissions] == [
        {"Fn::GetAtt": "ApiFunction.Arn"},
        {"Fn::GetAtt": "StreamingFunction.Arn"},
    ]
    assert len(Stack(**LOCAL).of_type("AWS::Lambda::Permission")) == 1


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
