"""The whole service in one process, for programs that run in others.

    python -m tests.contract.server

The real application and the real consumers of the queues, built from the environment as Lambda
builds them; moto instead of AWS, and the scripted model behind the real model client. Prints one
line of JSON, `{"root_url", "api_key"}`, and serves until its standard input is closed: so it ends
with whoever started it. What it logs goes to standard error.
"""

import json
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import uvicorn
from moto import mock_aws
from moto.core.models import botocore_stubber

from adapters.aws import sqs_client
from api.app import create_app
from core import stream_pace
from core.keys import KeyRecord, new_key
from infra.local.scripted_model import ScriptedModelServer
from runner import handler, timers
from tests.support.world import REGION, TENANT, Lambda, make_resources
from wiring.bootstrap import ApiContext, api_context, runner_context, timers_context

HOST = "127.0.0.1"
TOKENS_PER_SECOND = 500
KEEPALIVE_SECONDS = 0.4
# So many messages of a queue are handled at the same time.
WORKERS = 6
# Queues are asked this often: steps are waited for, checks come due after half a minute.
_STEPS_SECONDS = 0.05
_TIMERS_SECONDS = 1.0
_VISIBILITY_SECONDS = 20
_TIMERS_TIMEOUT = 29.0

Handle = Callable[[dict[str, Any]], bool]


def main() -> None:
    """Serve."""
    os.environ["AWS_DEFAULT_REGION"] = REGION
    os.environ.pop("AWS_ENDPOINT_URL", None)
    socket_url = f"https://contract.execute-api.{REGION}.amazonaws.com/live"
    os.environ["AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"] = socket_url
    with (
        mock_aws(),
        # So often that every program meets comments in its streams.
        patch.object(stream_pace, "KEEPALIVE_SECONDS", KEEPALIVE_SECONDS),
        _one_call_at_a_time(),
        ScriptedModelServer(tokens_per_second=TOKENS_PER_SECOND) as model,
        socket.create_server((HOST, 0), backlog=128) as listening,
    ):
        settings = {"MODEL_BASE_URL": model.base_url, "STREAMING": "true"}
        os.environ.update(make_resources() | settings)
        where = {
            "root_url": f"http://{HOST}:{listening.getsockname()[1]}",
            "api_key": _create_key(api_context()),
        }
        print(json.dumps(where), flush=True)
        # The functions log to standard output, as Lambda wants it.
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        with _consumers():
            _serve(listening)


def _create_key(context: ApiContext) -> str:
    key = new_key("project")
    record = KeyRecord(
        id=context.ids.new("user"), tenant=TENANT, scope="project", name="program", created_at=1
    )
    context.keys.create(record, key)
    return key


def _serve(listening: socket.socket) -> None:
    server = uvicorn.Server(
        uvicorn.Config(create_app(), ws="none", lifespan="off", log_config=None, access_log=False)
    )

    def end_with_the_parent() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=end_with_the_parent, daemon=True).start()
    server.run(sockets=[listening])


@contextmanager
def _one_call_at_a_time() -> Iterator[None]:
    """Have moto answer one call after the other.

    DynamoDB serializes what touches the same item. moto does not: of two calls at the same time,
    one may be lost.
    """
    lock = threading.Lock()
    answer = botocore_stubber.process_request

    def answer_alone(request: Any) -> Any:
        with lock:
            return answer(request)

    botocore_stubber.process_request = answer_alone  # type: ignore[method-assign]
    try:
        yield
    finally:
        botocore_stubber.process_request = answer  # type: ignore[method-assign]


@contextmanager
def _consumers() -> Iterator[None]:
    """Deliver the messages of both queues to their functions, as Lambda's pollers do."""
    context, timing = runner_context(), timers_context()

    def carry_out(record: dict[str, Any]) -> bool:
        return handler.handle_record(context, record, Lambda())  # type: ignore[arg-type]

    def check(record: dict[str, Any]) -> bool:
        return timers.handle_record(timing, record, time.monotonic() + _TIMERS_TIMEOUT)

    over = threading.Event()
    steps_url, timers_url = context.settings.steps_queue_url, context.settings.timers_queue_url
    with ThreadPoolExecutor(max_workers=2) as pool:
        pool.submit(_consume, steps_url, carry_out, _STEPS_SECONDS, over)
        pool.submit(_consume, timers_url, check, _TIMERS_SECONDS, over)
        try:
            yield
        finally:
            over.set()


def _consume(queue_url: str, handle: Handle, pause: float, over: threading.Event) -> None:
    """Handle a queue's messages, several at a time.

    A message that fails comes back after its visibility timeout, as it does with SQS.
    """
    sqs = sqs_client()

    def handle_message(message: Any) -> None:
        record = {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
        }
        try:
            if handle(record):
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        except Exception:
            traceback.print_exc()

    with ThreadPoolExecutor(max_workers=WORKERS) as workers:
        while not over.wait(pause):
            answer = sqs.receive_message(
                QueueUrl=queue_url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=_VISIBILITY_SECONDS,
                MessageSystemAttributeNames=["All"],
            )
            for message in answer.get("Messages", []):
                workers.submit(handle_message, message)


if __name__ == "__main__":
    main()
