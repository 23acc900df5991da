"""The function as Lambda calls it, on its environment alone and through the real queues."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID

from adapters.dynamodb.keys import KeyStore
from api import handler as api_handler
from core.jobs import CheckJob, StepJob
from core.keys import KeyRecord, new_key
from wiring.bootstrap import api_context

Invoke = Callable[..., Any]


class LambdaContext:
    """What Lambda tells a handler of its invocation."""

    function_name = "api"
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = f"arn:aws:lambda:us-east-1:{DEFAULT_ACCOUNT_ID}:function:api"
    aws_request_id = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        """How long the function may still run."""
        return 29_000


@pytest.fixture
def function(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """The environment of the deployed function."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("API_STAGE", "live")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "ThreadRunner")
    api_context.cache_clear()
    api_handler._gateway.cache_clear()
    # Mangum makes a loop for the life of the process, if there is none.
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield environment
    asyncio.set_event_loop(None)
    loop.close()
    api_context.cache_clear()
    api_handler._gateway.cache_clear()


@pytest.fixture
def invoke(function: dict[str, str]) -> Invoke:
    """Calls the handler with the event of a request."""
    key = new_key("project")
    record = KeyRecord(id="user_1", tenant="proj_1", scope="project", name="t", created_at=1)
    KeyStore(boto3.client("dynamodb"), function["STATE_TABLE"]).create(record, key)

    def call(method: str, path: str, sent: Any = None, headers: Any = None, **fields: Any) -> Any:
        payload = None if sent is None else base64.b64encode(json.dumps(sent).encode()).decode()
        given = {"Content-Type": "application/json"} if headers is None else headers
        headers = {"authorization": f"Bearer {key}", **given}
        event = {
            "resource": "/{proxy+}",
            "path": path,
            "httpMethod": method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": None,
            "multiValueQueryStringParameters": None,
            "pathParameters": {"proxy": path.removeprefix("/")},
            "requestContext": {
                "stage": "live",
                "path": f"/live{path}",
                "identity": {"sourceIp": "127.0.0.1"},
            },
            "body": payload,
            "isBase64Encoded": payload is not None,
            **fields,
        }
        answer: Any = api_handler.handler(event, LambdaContext())
        return answer

    return call


def parsed(answer: Any) -> Any:
    assert answer["statusCode"] == 200, answer["body"]
    assert answer["isBase64Encoded"] is False
    return json.loads(answer["body"])


@pytest.mark.parametrize("prefix", ["", "/live"])
def test_the_stage_may_stand_before_the_path_or_not(invoke: Invoke, prefix: str) -> None:
    assistant = parsed(invoke("POST", f"{prefix}/v1/assistants", {"model": "m"}))
    found = parsed(invoke("GET", f"{prefix}/v1/assistants/{assistant['id']}"))
    assert found == assistant


@pytest.mark.parametrize("prefix", ["", "/live"])
def test_azures_paths_stand_where_openais_do(invoke: Invoke, prefix: str) -> None:
    assistant = parsed(invoke("POST", f"{prefix}/openai/assistants", {"model": "m"}))
    query = {"api-version": ["2024-05-01-preview"], "limit": ["1"]}
    listed = invoke("GET", f"{prefix}/openai/assistants", multiValueQueryStringParameters=query)
    assert parsed(listed)["data"] == [assistant]


@pytest.mark.parametrize("path", ["/", "/live", "/live/", "/liveness", "/v1/nowhere"])
def test_any_other_path_is_a_404_in_openais_shape(invoke: Invoke, path: str) -> None:
    answer = invoke("GET", path)
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["error"]["message"].startswith("Invalid URL (GET ")


def test_query_parameters_arrive(invoke: Invoke) -> None:
    for _ in range(2):
        parsed(invoke("POST", "/v1/assistants", {"model": "m"}))
    query = {"limit": ["1"], "include[]": ["a", "b"]}
    page = parsed(invoke("GET", "/v1/assistants", multiValueQueryStringParameters=query))
    assert (len(page["data"]), page["has_more"]) == (1, True)


def test_an_answer_carries_its_headers(invoke: Invoke) -> None:
    headers = invoke("GET", "/v1/assistants")["headers"]
    assert headers["x-request-id"].startswith("req_")
    assert headers["content-type"] == "application/json"


def test_health_is_answered_without_building_anything(invoke: Invoke) -> None:
    assert parsed(invoke("GET", "/health", headers={}, multiValueHeaders={})) == {"status": "ok"}
    assert api_context.cache_info().currsize == 0


@pytest.mark.parametrize("prefix", ["", "/live"])
def test_the_playground_is_served_as_text_without_building_anything(
    invoke: Invoke, prefix: str
) -> None:
    page = invoke("GET", f"{prefix}/playground", headers={})
    script = invoke("GET", f"{prefix}/playground/client/threadrunner.js", headers={})
    for answer, media_type in ((page, "text/html"), (script, "text/javascript")):
        assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
        assert answer["headers"]["content-type"] == f"{media_type}; charset=utf-8"
    assert 'src="playground/main.js"' in page["body"]
    known = {"If-None-Match": page["headers"]["etag"]}
    assert invoke("GET", f"{prefix}/playground", headers=known)["statusCode"] == 304
    assert api_context.cache_info().currsize == 0


def test_a_run_goes_through_the_real_queues(invoke: Invoke, function: dict[str, str]) -> None:
    assistant = parsed(invoke("POST", "/v1/assistants", {"model": "m"}))["id"]
    thread = parsed(invoke("POST", "/v1/threads", {}))["id"]
    run = parsed(invoke("POST", f"/v1/threads/{thread}/runs", {"assistant_id": assistant}))["id"]
    names = {"tenant": "proj_1", "thread_id": thread, "run_id": run}
    sqs = boto3.client("sqs")
    (step,) = sqs.receive_message(
        QueueUrl=function["STEPS_QUEUE_URL"], MessageSystemAttributeNames=["MessageGroupId"]
    )["Messages"]
    assert StepJob.model_validate_json(step["Body"]) == StepJob(**names, step_no=0)
    assert step["Attributes"]["MessageGroupId"] == "proj_1"
    attributes = sqs.get_queue_attributes(
        QueueUrl=function["TIMERS_QUEUE_URL"],
        AttributeNames=["ApproximateNumberOfMessagesDelayed"],
    )["Attributes"]
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"
    assert CheckJob(**names, watch=1).v == 1


def send_file(invoke: Invoke, content: bytes) -> Any:
    """Upload a file as the gateway passes it on, in base64."""
    head = 'Content-Disposition: form-data; name="file"; filename="a.txt"'
    form = b"".join(
        [
            b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nassistants\r\n',
            f"--b\r\n{head}\r\nContent-Type: text/plain\r\n\r\n".encode(),
            content,
            b"\r\n--b--\r\n",
        ]
    )
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    body = base64.b64encode(form).decode()
    return invoke("POST", "/v1/files", headers=headers, body=body, isBase64Encoded=True)


@pytest.mark.parametrize(
    "content",
    [bytes(range(256)), b"plain text", b'"\n\x00' * 1_450_000],
    ids=["binary", "text", "text that doubles as JSON"],
)
def test_a_file_goes_through_the_gateway_and_back(invoke: Invoke, content: bytes) -> None:
    file = parsed(send_file(invoke, content))
    assert file["bytes"] == len(content)
    answer = invoke("GET", f"/v1/files/{file['id']}/content")
    assert answer["isBase64Encoded"] is True
    assert base64.b64decode(answer["body"]) == content
    assert answer["headers"]["content-type"] == "text/plain"
    # Lambda returns up to 6 MB.
    assert len(json.dumps(answer)) < 6_291_456


def test_a_file_that_is_not_there_is_no_file_in_base64(invoke: Invoke) -> None:
    answer = invoke("GET", "/v1/files/file-none/content")
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (404, False)


def test_a_failing_store_is_a_500_that_tells_nothing(
    invoke: Invoke, function: dict[str, str]
) -> None:
    parsed(invoke("GET", "/v1/assistants"))
    boto3.client("dynamodb").delete_table(TableName=function["STATE_TABLE"])
    answer = invoke("POST", "/v1/assistants", {"model": "m", "instructions": "SECRET"})
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["error"]["type"] == "server_error"
    assert "SECRET" not in answer["body"]
    assert "ResourceNotFound" not in answer["body"]


def test_which_attempt_came_first_is_told_by_the_gateway_not_by_who_is_carried_out_first(
    invoke: Invoke,
) -> None:
    thread = parsed(invoke("POST", "/v1/threads", {}))["id"]

    def say_hello(arrived_ms: int, retries: int) -> Any:
        context = {"stage": "live", "identity": {}, "requestTimeEpoch": arrived_ms}
        headers = {
            "Content-Type": "application/json",
            "x-stainless-retry-count": str(retries),
        }
        path, said = f"/v1/threads/{thread}/messages", {"role": "user", "content": "Hello"}
        return parsed(invoke("POST", path, said, headers, requestContext=context))

    # The first attempt was held back by its function's start; its client sent it again meanwhile.
    retried = say_hello(2_000_000, 1)
    assert say_hello(1_999_000, 0) == retried
    # What arrives later is another request, although it says the same.
    assert say_hello(2_001_000, 0) != retried
    listed = parsed(invoke("GET", f"/v1/threads/{thread}/messages"))["data"]
    assert len(listed) == 2
