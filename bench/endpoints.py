"""What each endpoint asks of AWS: requests and request units, one call of each.

    make bench

prints the table of docs/costs.md. The real application on moto: the counts are the same on any
machine. A warm function has the caller's key in memory, so its look-up is not counted.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import boto3
from fastapi.testclient import TestClient
from httpx2 import Response
from moto import mock_aws

from api.app import create_app
from api.services import threads
from bench.meter import Meter
from tests.support.api import api_context_of, make_project_key
from tests.support.model import call, stop, text
from tests.support.world import REGION, TENANT, World, build_world, make_resources
from wiring.telemetry import logger

MESSAGES_OF_A_LONG_THREAD = 10_000
_FUNCTION = {"type": "function", "function": {"name": "f"}}
_HELLO = {"role": "user", "content": "Hello"}
_TRANSACTION = "TransactWriteItems"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call of an endpoint used.

    Attributes:
        endpoint: which one, and on what.
        requests: of DynamoDB, by operation: `1 GetItem`, `1 transaction`, …
        read_units, write_units: DynamoDB's request units.
        messages: sent to queues and schedules.
        objects: requests of the bucket.
    """

    endpoint: str
    requests: str
    read_units: float
    write_units: float
    messages: int
    objects: int

    def row(self) -> str:
        """Return it as a row of the table."""
        cells = (
            f"`{self.endpoint}`" if self.endpoint[0].isupper() else self.endpoint,
            self.requests,
            f"{self.read_units:g}",
            f"{self.write_units:g}",
            str(self.messages),
            str(self.objects),
        )
        return f"| {' | '.join(cells)} |"


HEADER = (
    "| endpoint | DynamoDB requests | read units | write units | messages | bucket requests |\n"
    "|---|---|---|---|---|---|"
)


class Bench:
    """A project on moto, and a caller whose every request is counted.

    Args:
        world: the stores and queues.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        context = api_context_of(world)
        key = make_project_key(context, TENANT)
        self._client = TestClient(create_app(context), headers={"Authorization": f"Bearer {key}"})
        # A separate client looks at sizes, so that the looks are not counted.
        look = boto3.client("dynamodb", region_name=REGION)
        self._meter = Meter(context.runs._client, look)
        self._objects = 0
        bucket = context.files._bucket._client
        bucket.meta.events.register("after-call.s3", self._count_object)
        self.costs: list[Cost] = []

    def make(self, path: str, **body: Any) -> Any:
        """Make something that is not counted; return the answer."""
        return self._answer(self._client.post(path, json=body))

    def upload(self, content: bytes) -> Response:
        """Upload a file."""
        return self._client.post(
            "/v1/files", data={"purpose": "assistants"}, files={"file": ("a.txt", content)}
        )

    def count(self, endpoint: str, ask: Callable[[TestClient], Response]) -> Any:
        """Count what a request uses; return its answer."""
        queues = self.world.queues
        before = len(queues.steps) + len(queues.checks) + len(queues.timers)
        self._meter.reset()
        self._objects = 0
        response = ask(self._client)
        used = self._meter.usage
        cost = Cost(
            endpoint,
            spelled(dict(used.requests)),
            used.read_units,
            used.write_units,
            len(queues.steps) + len(queues.checks) + len(queues.timers) - before,
            self._objects,
        )
        self.costs.append(cost)
        return self._answer(response)

    def get(self, endpoint: str, path: str, **query: Any) -> Any:
        """Count a GET."""
        return self.count(f"GET {endpoint}", lambda client: client.get(path, params=query))

    def post(self, endpoint: str, path: str, **body: Any) -> Any:
        """Count a POST."""
        return self.count(f"POST {endpoint}", lambda client: client.post(path, json=body))

    def delete(self, endpoint: str, path: str) -> Any:
        """Count a DELETE."""
        return self.count(f"DELETE {endpoint}", lambda client: client.delete(path))

    def _count_object(self, **_event: Any) -> None:
        self._objects += 1

    def _answer(self, response: Response) -> Any:
        if response.status_code != 200:
            raise RuntimeError(f"{response.request.url.path}: {response.text}")
        kind = response.headers["content-type"]
        return response.json() if kind.startswith("application/json") else response.content


def measure() -> list[Cost]:
    """Return what each endpoint uses."""
    with emulated() as bench:
        _assistants(bench)
        _threads_and_messages(bench)
        _runs(bench)
        _files(bench)
        _realtime(bench)
        return bench.costs


def measure_long_list() -> tuple[Cost, Cost]:
    """Return what it takes to list 100 messages: of a thread of 100, and of one of 10,000."""
    with emulated() as bench:
        for size in (100, MESSAGES_OF_A_LONG_THREAD):
            thread = bench.world.thread()
            bench.world.fill(thread, size)
            bench.get(f"100 of {size}", f"/v1/threads/{thread}/messages", limit=100)
        short, long = bench.costs
        return short, long


def _assistants(bench: Bench) -> None:
    path = "/v1/assistants"
    made = bench.post("/assistants", path, model="m", instructions="Be brief.")
    one = f"{path}/{made['id']}"
    bench.get("/assistants", path)
    bench.get("/assistants/{id}", one)
    bench.post("/assistants/{id}", one, name="Poet")
    bench.delete("/assistants/{id}", one)


def _threads_and_messages(bench: Bench) -> None:
    thread = bench.post("/threads", "/v1/threads", messages=[_HELLO])["id"]
    one = f"/v1/threads/{thread}"
    bench.get("/threads", "/v1/threads")
    bench.get("/threads/{id}", one)
    bench.post("/threads/{id}", one, metadata={"a": "b"})
    path = f"{one}/messages"
    message = bench.post("/threads/{id}/messages", path, **_HELLO)["id"]
    bench.get("/threads/{id}/messages", path)
    bench.get("/threads/{id}/messages/{id}", f"{path}/{message}")
    bench.post("/threads/{id}/messages/{id}", f"{path}/{message}", metadata={"a": "b"})
    bench.delete("/threads/{id}/messages/{id}", f"{path}/{message}")
    bench.delete("/threads/{id}", one)


def _runs(bench: Bench) -> None:
    world = bench.world
    assistant = bench.make("/v1/assistants", model="m", tools=[_FUNCTION])["id"]
    bench.post("/threads/runs", "/v1/threads/runs", assistant_id=assistant)
    thread = bench.make("/v1/threads", messages=[_HELLO])["id"]
    path = f"/v1/threads/{thread}/runs"
    run = bench.post("/threads/{id}/runs", path, assistant_id=assistant)["id"]
    one = f"{path}/{run}"
    bench.get("/threads/{id}/runs", path)
    bench.get("/threads/{id}/runs/{id}", one)
    bench.post("/threads/{id}/runs/{id}", one, metadata={"a": "b"})
    world.model.turn(*call("f", "{}", "call_1"), *stop("tool_calls"))
    world.deliver(world.queues.steps[-1])
    outputs = [{"tool_call_id": "call_1", "output": "done"}]
    endpoint = "/threads/{id}/runs/{id}/submit_tool_outputs"
    bench.post(endpoint, f"{one}/submit_tool_outputs", tool_outputs=outputs)
    world.model.turn(*text("Hello."), *stop())
    world.deliver(world.queues.steps[-1])
    steps = bench.get("/threads/{id}/runs/{id}/steps", f"{one}/steps")["data"]
    bench.get("/threads/{id}/runs/{id}/steps/{id}", f"{one}/steps/{steps[0]['id']}")
    bench.get("/threads/{id}/messages?run_id=", f"/v1/threads/{thread}/messages", run_id=run)
    waiting = bench.make(path, assistant_id=assistant)["id"]
    bench.post("/threads/{id}/runs/{id}/cancel", f"{path}/{waiting}/cancel")


def _files(bench: Bench) -> None:
    made = bench.count("POST /files", lambda _client: bench.upload(b"Hello."))
    one = f"/v1/files/{made['id']}"
    bench.get("/files", "/v1/files")
    bench.get("/files/{id}", one)
    bench.get("/files/{id}/content", f"{one}/content")
    bench.delete("/files/{id}", one)


def _realtime(bench: Bench) -> None:
    thread = bench.make("/v1/threads")["id"]
    bench.post("/realtime/tickets", "/v1/realtime/tickets", thread_id=thread)


def spelled(requests: dict[str, int]) -> str:
    """Return requests in words: `1 Query, 2 transaction`."""
    ordered = sorted(requests.items(), key=lambda request: (request[0] == _TRANSACTION, request[0]))
    return ", ".join(
        f"{count} {'transaction' if name == _TRANSACTION else name}" for name, count in ordered
    )


@contextmanager
def emulated() -> Iterator[Bench]:
    """Give a project on moto."""
    credentials = {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI": "https://bench.invalid/live",
    }
    # A short thread is swept with its deletion, however slow the machine.
    patient = patch.object(threads, "SWEEP_SECONDS", 60)
    with patch.dict(os.environ, credentials), mock_aws(), patient, _silence():
        os.environ.pop("AWS_ENDPOINT_URL", None)
        bench = Bench(build_world(make_resources()))
        # The first request looks the key up.
        bench.make("/v1/threads")
        yield bench


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the functions' log out of the table."""
    level = logger.log_level
    logger.setLevel("CRITICAL")
    try:
        yield
    finally:
        logger.setLevel(level)


def main() -> None:
    """Print the table."""
    print(HEADER)
    for cost in measure():
        print(cost.row())
    short, long = measure_long_list()
    print(f"\n100 messages of 100: {short.requests}, {short.read_units:g} read units")
    long_thread = f"{MESSAGES_OF_A_LONG_THREAD:,}"
    print(f"100 messages of {long_thread}: {long.requests}, {long.read_units:g} read units")


if __name__ == "__main__":
    main()
