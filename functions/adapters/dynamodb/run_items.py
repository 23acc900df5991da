"""A run's record as an item: scalars natively, so that conditions can look at them."""

from typing import TYPE_CHECKING, Any, Final

from adapters.dynamodb import keyspace
from adapters.dynamodb.values import Item, TextStore, plain, scalar
from core.event_log import EventId
from core.records import HeldMessages, LateMessage, RunPhase, RunRecord
from core.schema.common import WireModel
from core.schema.runs import RequiredAction, RunConfig, RunError, RunIncompleteDetails, Usage

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import AttributeValueTypeDef

VERSION: Final = 1
# No part of the record: secrets, which nothing that shows, logs or sends a run may come by.
AUTHENTICATIONS: Final = "authentications"
_SCALARS: Final = (
    "id",
    "tenant",
    "thread_id",
    "status",
    "phase",
    "step_no",
    "attempts",
    "epoch",
    "lease_owner",
    "lease_until_ms",
    "watch",
    "pending_calls",
    "tools_deadline_ms",
    "open_step",
    "open_message",
    "not_before_ms",
    "bad_calls",
    "set_going_ms",
    "ttl_seconds",
    "token_rate",
    "created_at",
    "expires_at",
    "started_at",
    "completed_at",
    "failed_at",
    "cancelled_at",
)
_DOCUMENTS: Final[dict[str, type[WireModel]]] = {
    "config": RunConfig,
    "required_action": RequiredAction,
    "last_error": RunError,
    "incomplete_details": RunIncompleteDetails,
    "usage": Usage,
    "held_messages": HeldMessages,
    "late_message": LateMessage,
}
_ID_LISTS: Final = ("late_steps",)
_EVENT_IDS: Final = ("base", "tail")


def run_key(tenant: str, thread_id: str, run_id: str) -> Item:
    """Return a run's key."""
    return {
        "pk": {"S": keyspace.thread(tenant, thread_id)},
        "sk": {"S": keyspace.RUN + run_id},
    }


def run_item(run: RunRecord, texts: TextStore) -> Item:
    """Return a run as an item with its key."""
    attributes = {
        name: value
        for name in _attribute_names()
        if (value := _attribute(run, name, texts)) is not None
    }
    return run_key(run.tenant, run.thread_id, run.id) | {"v": scalar(VERSION)} | attributes


def read_run(item: Item, texts: TextStore) -> RunRecord:
    """Return the record that an item holds."""
    fields: dict[str, Any] = {}
    for name in _SCALARS:
        value = plain(item.get(name))
        if value is not None:
            fields[name] = value
    for name, model in _DOCUMENTS.items():
        if name in item:
            fields[name] = model.model_validate_json(texts.unpack(item[name]))
    for name in _ID_LISTS:
        if name in item:
            fields[name] = tuple(each["S"] for each in item[name]["L"])
    for name in _EVENT_IDS:
        if name in item:
            fields[name] = EventId.parse(item[name]["S"])
    fields["phase"] = RunPhase(fields["phase"])
    fields["cancel_requested"] = "cancel_requested" in item
    return RunRecord.model_construct(**fields)


def changed_attributes(
    before: RunRecord, after: RunRecord, texts: TextStore
) -> "dict[str, AttributeValueTypeDef | None]":
    """Return the attributes in which two states of a run differ; None where one disappears."""
    return {
        name: _attribute(after, name, texts)
        for name in _attribute_names()
        if getattr(before, name) != getattr(after, name)
    }


def _attribute_names() -> tuple[str, ...]:
    return (*_SCALARS, *_DOCUMENTS, *_ID_LISTS, *_EVENT_IDS, "cancel_requested")


def _attribute(run: RunRecord, name: str, texts: TextStore) -> "AttributeValueTypeDef | None":
    value = getattr(run, name)
    if value is None or value is False or value == ():
        return None
    if name in _DOCUMENTS:
        return texts.pack(run.tenant, value.model_dump_json())
    if isinstance(value, EventId):
        return scalar(str(value))
    if isinstance(value, tuple):
        return {"L": [scalar(each) for each in value]}
    return scalar(value)
