"""The parts of a run's transactions: what each writes, and the condition that nobody moved it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from adapters.action_secrets import ActionSecrets
from adapters.dynamodb.records import call_item, message_update, step_key
from adapters.dynamodb.run_items import AUTHENTICATIONS, changed_attributes, run_item, run_key
from adapters.dynamodb.values import Item, TextStore, scalar
from core.changes import Change
from core.records import CallRecord, CallState, RunRecord
from core.schema.authentication import Authentication
from core.schema.messages import Message
from core.schema.steps import RunStep

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef


class RunWrites:
    """Makes the writes of a run and of what hangs on it.

    Args:
        table: the state table's name.
        texts: takes documents that are too large for an item.
        secrets: makes what is stored of authentications.
    """

    def __init__(self, table: str, texts: TextStore, secrets: ActionSecrets) -> None:
        self._table = table
        self._texts = texts
        self._secrets = secrets

    def put(
        self, run: RunRecord, authentications: Mapping[str, Authentication] | None
    ) -> "TransactWriteItemTypeDef":
        """Return the write of a new run.

        Args:
            run: the run.
            authentications: for its actions, by their ids.
        """
        item = run_item(run, self._texts)
        if authentications:
            item[AUTHENTICATIONS] = scalar(self._secrets.stored_of_run(run.tenant, authentications))
        return {"Put": {"TableName": self._table, "Item": item}}

    def put_message(self, tenant: str, message: Message) -> "TransactWriteItemTypeDef":
        """Return the write of a run's message, new or known."""
        return message_update(self._table, tenant, message, self._texts)

    def change(
        self, change: Change, after: RunRecord, condition: str, values: Item
    ) -> "list[TransactWriteItemTypeDef]":
        """Return the writes of a change without its events; the run's is the first.

        Args:
            change: what to write.
            after: the run as it shall be.
            condition: what must be true of the run as it is.
            values: what the condition compares with.
        """
        before = change.before
        return [
            self._update(before, after, condition, values),
            *(self._put_step(before, step) for step in change.steps),
            *(self.put_message(before.tenant, message) for message in change.messages),
            *(
                self._put_call(before, call, change.call_states.get(call.call_id))
                for call in change.calls
            ),
        ]

    def _update(
        self, before: RunRecord, after: RunRecord, condition: str, values: Item
    ) -> "TransactWriteItemTypeDef":
        changed = changed_attributes(before, after, self._texts)
        if after.ended:
            # A cancel that was asked for since the run was read goes with it.
            changed |= {AUTHENTICATIONS: None, "cancel_requested": None}
        names = {f"#{name}": name for name in changed}
        sets = [f"#{name} = :new_{name}" for name, value in changed.items() if value is not None]
        removals = [f"#{name}" for name, value in changed.items() if value is None]
        expression = " ".join(
            f"{verb} {', '.join(parts)}"
            for verb, parts in (("SET", sets), ("REMOVE", removals))
            if parts
        )
        new = {f":new_{name}": value for name, value in changed.items() if value is not None}
        return {
            "Update": {
                "TableName": self._table,
                "Key": run_key(before.tenant, before.thread_id, before.id),
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": new | values,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _put_step(self, run: RunRecord, step: RunStep) -> "TransactWriteItemTypeDef":
        doc = self._texts.pack(run.tenant, step.model_dump_json())
        return {"Put": {"TableName": self._table, "Item": step_key(run, step.id) | {"doc": doc}}}

    def _put_call(
        self, run: RunRecord, call: CallRecord, read: CallState | None
    ) -> "TransactWriteItemTypeDef":
        """Return the write of a call: a new one, or one that is still in the state as read."""
        item = call_item(run, call, self._texts)
        if read is None:
            condition = "attribute_not_exists(pk)"
            return {
                "Put": {"TableName": self._table, "Item": item, "ConditionExpression": condition}
            }
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": "#state = :read",
                "ExpressionAttributeNames": {"#state": "state"},
                "ExpressionAttributeValues": {":read": {"S": read.value}},
            }
        }


def as_read(run: RunRecord) -> tuple[str, Item]:
    """Return the condition that nobody has moved a run since it was read.

    Its epoch alone does not tell: the holder of a lease that is over may still commit under it, and
    then the lease is gone, or may open a step; and the turn of a run that waits comes without a new
    epoch.
    """
    condition = "epoch = :epoch AND phase = :read_phase"
    values: Item = {":epoch": scalar(run.epoch), ":read_phase": scalar(run.phase.value)}
    for name in ("lease_owner", "open_step", "open_message"):
        value = getattr(run, name)
        if value is None:
            condition += f" AND attribute_not_exists({name})"
        else:
            condition += f" AND {name} = :read_{name}"
            values[f":read_{name}"] = scalar(value)
    return condition, values
