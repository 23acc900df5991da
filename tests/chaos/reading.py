"""Reads the picture of a session from a running stack's tables, as an operator could."""

import time
from collections import defaultdict
from typing import Any, Final

from adapters.dynamodb import keyspace
from adapters.dynamodb.event_log import EventLog
from adapters.dynamodb.records import read_call, read_message
from adapters.dynamodb.run_items import read_run
from adapters.dynamodb.thread_locks import read_lock
from adapters.dynamodb.values import PASSING, BucketTextStore
from core.clock import system_clock
from core.lifetimes import ThreadLock
from core.records import CallRecord, RunRecord
from core.schema.messages import Message
from core.schema.steps import RunStep
from core.schema.threads import Thread
from infra.local.info import StackInfo
from tests.chaos.picture import Picture, StoredRun, StoredThread
from tests.chaos.plan import TAG
from tests.support.tables import client_of

_TTL_SECONDS: Final = 86_400
_QUEUES: Final = {
    "steps": "StepsQueueUrl",
    "dead-letter": "DeadLetterQueueUrl",
    "parked": "ParkedQueueUrl",
}
_VISIBLE: Final = "ApproximateNumberOfMessages"
_IN_FLIGHT: Final = "ApproximateNumberOfMessagesNotVisible"


class TableReader:
    """Reads a project's part of the tables.

    Args:
        dynamodb, s3: clients.
        names: `state`, `stream` and `bucket`, by these words.
        tenant: the project.
    """

    def __init__(self, dynamodb: Any, s3: Any, names: dict[str, str], tenant: str) -> None:
        self._client = dynamodb
        self._table = names["state"]
        self._tenant = tenant
        self._texts = BucketTextStore(s3, names["bucket"])
        passing = BucketTextStore(s3, names["bucket"], PASSING)
        self._log = EventLog(dynamodb, names["stream"], passing, system_clock, _TTL_SECONDS)

    def read(self, session: str) -> Picture:
        """Return what is stored of a session's threads and runs.

        Args:
            session: what its tags begin with.
        """
        items = _Items(self._tenant, self._texts)
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table, ConsistentRead=True
        )
        for page in pages:
            for item in page["Items"]:
                items.sort_in(item)
        return items.picture(session, self._log)


class _Items:
    """The state table's items by what they are."""

    def __init__(self, tenant: str, texts: BucketTextStore) -> None:
        self._tenant = tenant
        self._texts = texts
        self._threads: dict[str, Thread] = {}
        self._locks: dict[str, ThreadLock] = {}
        self._messages: dict[str, list[Message]] = defaultdict(list)
        self._runs: dict[str, RunRecord] = {}
        self._steps: dict[str, list[RunStep]] = defaultdict(list)
        self._calls: dict[str, list[CallRecord]] = defaultdict(list)

    def sort_in(self, item: dict[str, Any]) -> None:
        partition, sort = item["pk"]["S"], item["sk"]["S"]
        if partition == keyspace.threads(self._tenant):
            self._threads[sort] = Thread.model_validate_json(self._texts.unpack(item["doc"]))
        elif partition.startswith(keyspace.thread(self._tenant, "")):
            self._sort_into_thread(partition.rpartition("#")[2], sort, item)
        elif partition.startswith(keyspace.run(self._tenant, "")):
            run_id = partition.rpartition("#")[2]
            if sort.startswith(keyspace.STEP):
                step = RunStep.model_validate_json(self._texts.unpack(item["doc"]))
                self._steps[run_id].append(step)
            else:
                self._calls[run_id].append(read_call(item, self._texts))

    def _sort_into_thread(self, thread_id: str, sort: str, item: dict[str, Any]) -> None:
        if sort == keyspace.META:
            self._locks[thread_id] = read_lock(item)
        elif sort.startswith(keyspace.MESSAGE):
            self._messages[thread_id].append(read_message(item, self._texts))
        else:
            run = read_run(item, self._texts)
            self._runs[run.id] = run

    def picture(self, session: str, log: EventLog) -> Picture:
        threads = {
            thread_id: thread
            for thread_id, thread in self._threads.items()
            if thread.metadata.get(TAG, "").startswith(f"{session}-")
        }
        runs = [
            run
            for run in self._runs.values()
            if run.thread_id in threads
            or run.config.metadata.get(TAG, "").startswith(f"{session}-")
        ]
        known = self._runs.keys()
        return Picture(
            threads=tuple(self._thread(thread) for thread in threads.values()),
            runs=tuple(self._run(run, log) for run in sorted(runs, key=lambda run: run.id)),
            orphans=tuple(sorted({*self._steps, *self._calls} - known)),
        )

    def _thread(self, thread: Thread) -> StoredThread:
        messages = sorted(self._messages[thread.id], key=lambda message: message.id)
        lock = self._locks.get(thread.id)
        return StoredThread(thread.id, thread.metadata, lock, tuple(messages))

    def _run(self, run: RunRecord, log: EventLog) -> StoredRun:
        steps = sorted(self._steps[run.id], key=lambda step: step.id)
        calls = sorted(self._calls[run.id], key=lambda call: (call.step_id, call.index))
        batches = log.read(run.tenant, run.id)
        return StoredRun(run, tuple(steps), tuple(calls), tuple(batches))


def read_picture(info: StackInfo, session: str) -> Picture:
    """Return what a stack's tables hold of a session."""
    names = {
        "state": info.outputs["StateTableName"],
        "stream": info.outputs["StreamTableName"],
        "bucket": info.outputs["BucketName"],
    }
    reader = TableReader(client_of(info, "dynamodb"), client_of(info, "s3"), names, info.project_id)
    return reader.read(session)


def wait_for_queues(info: StackInfo, seconds: float, *, in_flight: bool) -> dict[str, int]:
    """Wait until nothing is left in the queues on which nothing should stay.

    Args:
        info: the stack.
        seconds: how long to wait at most.
        in_flight: whether to wait for messages as well whose worker has them, or was killed with
            them: those come again.

    Returns:
        How many messages can be received from each queue that has some after all.
    """
    client = client_of(info, "sqs")
    deadline = time.monotonic() + seconds
    while True:
        counts = {name: _count(client, info.outputs[output]) for name, output in _QUEUES.items()}
        busy = any(visible or (in_flight and taken) for visible, taken in counts.values())
        if not busy or time.monotonic() > deadline:
            return {name: visible for name, (visible, _) in counts.items() if visible}
        time.sleep(1)


def _count(client: Any, url: str) -> tuple[int, int]:
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=[_VISIBLE, _IN_FLIGHT])
    counts = attributes["Attributes"]
    return int(counts[_VISIBLE]), int(counts[_IN_FLIGHT])
