"""A running stack's tables, as an operator reads and writes them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3

from adapters.dynamodb import keyspace
from core.event_log import EventId
from core.schema.messages import Message, Text, TextContent
from infra.local.info import StackInfo


@dataclass(frozen=True)
class StoredBatch:
    """A batch of the event log.

    Attributes:
        after: the id that it follows.
        first, last: the ids of its first and its last event.
    """

    after: EventId | None
    first: EventId
    last: EventId


class Tables:
    """What is stored of threads.

    Args:
        info: the stack.
    """

    def __init__(self, info: StackInfo) -> None:
        self._client = client_of(info, "dynamodb")
        self._state = info.outputs["StateTableName"]
        self._stream = info.outputs["StreamTableName"]
        self._tenant = info.project_id

    def fill(self, thread_id: str, count: int) -> None:
        """Add messages to a thread, older than all that it has."""
        requests = [
            {"PutRequest": {"Item": self._message(thread_id, number)}} for number in range(count)
        ]
        for start in range(0, count, 25):
            left = requests[start : start + 25]
            while left:
                answer = self._client.batch_write_item(RequestItems={self._state: left})
                left = answer.get("UnprocessedItems", {}).get(self._state, [])

    def items_of(self, thread_id: str, run_id: str) -> dict[str, int]:
        """Return how many items there are of a thread and its run, by where they are."""
        thread = keyspace.thread(self._tenant, thread_id)
        run = keyspace.run(self._tenant, run_id)
        places = {
            "thread": (self._state, thread),
            "run": (self._state, run),
            "log": (self._stream, run),
        }
        return {name: self._count(table, partition) for name, (table, partition) in places.items()}

    def batches_of(self, run_id: str) -> list[StoredBatch]:
        """Return all batches that were written to a run's log, void ones among them, in order."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._stream,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :log)",
            ExpressionAttributeValues={
                ":pk": {"S": keyspace.run(self._tenant, run_id)},
                ":log": {"S": keyspace.LOG},
            },
            ConsistentRead=True,
        )
        return [_stored_batch(item) for page in pages for item in page["Items"]]

    def wait_until_gone(self, thread_id: str, run_id: str, seconds: float = 60) -> None:
        """Return once nothing is left of a thread and its run.

        Raises:
            AssertionError: something is, after so many seconds.
        """
        left: dict[str, int] = {}
        for _ in turns(seconds):
            left = self.items_of(thread_id, run_id)
            if not any(left.values()):
                return
        raise AssertionError(f"still there after {seconds} s: {left}")

    def _count(self, table: str, partition: str) -> int:
        pages = self._client.get_paginator("query").paginate(
            TableName=table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": partition}},
            Select="COUNT",
            ConsistentRead=True,
        )
        return sum(page["Count"] for page in pages)

    def _message(self, thread_id: str, number: int) -> dict[str, Any]:
        message = Message(
            id=f"msg_0{number:025d}",
            created_at=1,
            thread_id=thread_id,
            status="completed",
            role="user",
            content=[TextContent(text=Text(value="Hello."))],
        )
        return {
            "pk": {"S": keyspace.thread(self._tenant, thread_id)},
            "sk": {"S": keyspace.MESSAGE + message.id},
            "doc": {"S": message.model_dump_json()},
        }


def _stored_batch(item: dict[str, Any]) -> StoredBatch:
    epoch, seq = item["sk"]["S"].removeprefix(keyspace.LOG).split("#")
    return StoredBatch(
        after=EventId.parse(item["after"]["S"]) if "after" in item else None,
        first=EventId.parse(item["first"]["S"]),
        last=EventId(int(epoch), int(seq)),
    )


def client_of(info: StackInfo, name: str) -> Any:
    """Return a client of the emulator that may do everything."""
    return boto3.client(  # type: ignore[call-overload]
        name,
        endpoint_url=info.emulator_url,
        region_name=info.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def turns(seconds: float) -> Iterator[None]:
    """Give one turn after another until the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.5)
