"""What hangs on a thread or a run, as items: messages, steps and tool calls, and their keys."""

import json
from typing import TYPE_CHECKING, Final

from adapters.dynamodb import keyspace
from adapters.dynamodb.errors import ThreadBusy, ThreadMissing
from adapters.dynamodb.values import Item, TextStore, plain, scalar
from core.changes import ThreadLine
from core.records import CallRecord, RunRecord
from core.schema.messages import Message

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

# Marks the item of a message that a run is writing.
_OPEN: Final[Item] = {"open": {"BOOL": True}}
_CALL_SCALARS: Final = (
    "call_id",
    "step_id",
    "index",
    "tool_type",
    "tool_id",
    "name",
    "timeout_seconds",
    "state",
    "failed",
)
_CALL_TEXTS: Final = ("arguments", "configuration", "output")


def thread_key(run: RunRecord) -> Item:
    """Return the key of a run's thread."""
    return {
        "pk": {"S": keyspace.thread(run.tenant, run.thread_id)},
        "sk": {"S": keyspace.META},
    }


def step_key(run: RunRecord, step_id: str) -> Item:
    """Return the key of a run's step."""
    return {
        "pk": {"S": keyspace.run(run.tenant, run.id)},
        "sk": {"S": keyspace.STEP + step_id},
    }


def call_key(run: RunRecord, step_id: str, call_id: str) -> Item:
    """Return the key of an internal tool call."""
    return {
        "pk": {"S": keyspace.run(run.tenant, run.id)},
        "sk": {"S": keyspace.call(step_id, call_id)},
    }


def call_item(run: RunRecord, call: CallRecord, texts: TextStore) -> Item:
    """Return an internal tool call as an item."""
    item = call_key(run, call.step_id, call.call_id)
    for name in _CALL_SCALARS:
        value = getattr(call, name)
        if value is not None:
            item[name] = scalar(value)
    for name in _CALL_TEXTS:
        text = getattr(call, name)
        if text is not None:
            item[name] = texts.pack(run.tenant, text)
    return item


def read_call(item: Item, texts: TextStore) -> CallRecord:
    """Return the tool call that an item holds."""
    scalars = {name: plain(item[name]) for name in _CALL_SCALARS if name in item}
    documents = {name: texts.unpack(item[name]) for name in _CALL_TEXTS if name in item}
    return CallRecord.model_validate(scalars | documents)


def message_item(tenant: str, message: Message, texts: TextStore) -> Item:
    """Return a new message as an item."""
    item = {
        "pk": {"S": keyspace.thread(tenant, message.thread_id)},
        "sk": {"S": keyspace.MESSAGE + message.id},
        "doc": texts.pack(tenant, message.model_dump_json()),
    }
    return item | _OPEN if message.status == "in_progress" else item


def message_update(
    table: str, tenant: str, message: Message, texts: TextStore
) -> "TransactWriteItemTypeDef":
    """Return the write of a run's message, new or known: its metadata stays as clients set it."""
    item = message_item(tenant, message, texts)
    values = {":doc": item["doc"]}
    expression = "SET doc = :doc REMOVE #open"
    if "open" in item:
        expression = "SET doc = :doc, #open = :open"
        values[":open"] = item["open"]
    return {
        "Update": {
            "TableName": table,
            "Key": {name: item[name] for name in ("pk", "sk")},
            "UpdateExpression": expression,
            "ExpressionAttributeNames": {"#open": "open"},
            "ExpressionAttributeValues": values,
        }
    }


def read_message(item: Item, texts: TextStore) -> Message:
    """Return the message that an item holds."""
    message = Message.model_validate_json(texts.unpack(item["doc"]))
    if "metadata" not in item:
        return message
    return message.model_copy(update={"metadata": json.loads(item["metadata"]["S"])})


def read_line(lock: Item) -> ThreadLine:
    """Return the line at a thread, by the thread's lock."""
    waiting = lock.get("waiting", {"L": []})["L"]
    active = plain(lock.get("active_run"))
    return ThreadLine(
        None if active is None else str(active), tuple(str(plain(run_id)) for run_id in waiting)
    )


def raise_thread_refusal(old: Item) -> None:
    """Say why a thread did not take a write, by its item as it was (empty: there is none).

    Raises:
        ThreadMissing: there is no such thread.
        ThreadBusy: a run is active on it.
    """
    if not old or "deleted" in old:
        raise ThreadMissing
    raise ThreadBusy(read_line(old))
