"""The line at a thread: the writes of its lock by which runs take, join and leave it.

The lock names the run that is active, and those that wait. It is in the transaction of every run
that begins or ends, so that is where they meet: whoever has not seen the line as it is fails.
"""

from typing import TYPE_CHECKING, Final

from adapters.dynamodb.records import thread_key
from adapters.dynamodb.run_items import run_key
from adapters.dynamodb.thread_locks import FREE, PRESENT
from adapters.dynamodb.values import Item, scalar
from core.changes import Change, ThreadLine
from core.records import RunPhase, RunRecord
from core.thread_line import MAX_WAITING, MAX_WAITING_INTERRUPTS, TURN_WATCH

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

_NOBODY_WAITS: Final = "(attribute_not_exists(waiting) OR size(waiting) = :none)"
_ROOM: Final = "(attribute_not_exists(waiting) OR size(waiting) < :most)"
_JOIN: Final = "SET waiting = list_append(if_not_exists(waiting, :nobody), :new)"


class ThreadLines:
    """Makes the writes of threads' lines, for the transactions of runs.

    Args:
        table: the state table's name.
    """

    def __init__(self, table: str) -> None:
        self._table = table

    def take(
        self, run: RunRecord, *, new_thread: bool, ttl_seconds: int | None
    ) -> "TransactWriteItemTypeDef":
        """Return the write by which a new run gets a thread that nobody holds.

        Args:
            run: the run.
            new_thread: whether the thread, and its lock, are made with it.
            ttl_seconds: how long a new thread may lie idle.
        """
        expression = "SET active_run = :run, last_active = :now"
        values: Item = {":run": {"S": run.id}, ":now": scalar(run.created_at)}
        if ttl_seconds is not None:
            expression += ", ttl_seconds = :ttl"
            values[":ttl"] = scalar(ttl_seconds)
        condition = "attribute_not_exists(pk)" if new_thread else FREE
        return self._lock(run, expression, condition, values)

    def join(self, run: RunRecord, line: ThreadLine) -> "list[TransactWriteItemTypeDef]":
        """Return the writes by which a new run waits, as the last, while the same run is active.

        Args:
            run: the new run.
            line: the line as it was seen.
        """
        values: Item = {
            ":active": {"S": line.active or ""},
            ":nobody": {"L": []},
            ":new": _list(run.id),
            ":most": scalar(MAX_WAITING),
        }
        condition = f"{PRESENT} AND active_run = :active AND {_ROOM}"
        return [self._lock(run, _JOIN, condition, values)]

    def interrupt(self, run: RunRecord, line: ThreadLine) -> "list[TransactWriteItemTypeDef]":
        """Return the writes by which a new run waits, and all before it are asked to cancel.

        They fail if anybody has joined or left since: then others are to be asked.
        """
        values: Item = {
            ":active": {"S": line.active or ""},
            ":nobody": {"L": []},
            ":new": _list(run.id),
        }
        if line.waiting:
            seen = "waiting = :seen"
            values[":seen"] = _list(*line.waiting)
        else:
            seen = _NOBODY_WAITS
            values[":none"] = scalar(0)
        condition = f"{PRESENT} AND active_run = :active AND {seen}"
        before = (line.active or "", *line.waiting)
        return [
            self._lock(run, _JOIN, condition, values),
            *(self._ask_to_cancel(run, run_id) for run_id in before),
        ]

    def leave(self, change: Change, now_ms: int) -> "list[TransactWriteItemTypeDef]":
        """Return the writes by which a run that ends leaves the line; the lock's is the first.

        They hold for a thread that is marked as deleted as well: the lock goes last.

        Args:
            change: ends the run. One that waits is in the change's line.
            now_ms: milliseconds since the epoch.
        """
        run = change.before
        own: Item = {":run": {"S": run.id}}
        if run.phase is RunPhase.WAITING:
            place = f"waiting[{change.line.waiting.index(run.id)}]"
            return [self._lock(run, f"REMOVE {place}", f"{place} = :run", own)]
        if change.successor is None:
            condition = f"active_run = :run AND {_NOBODY_WAITS}"
            freed = "SET last_active = :now REMOVE active_run"
            values = own | {":none": scalar(0), ":now": scalar(now_ms // 1000)}
            return [self._lock(run, freed, condition, values)]
        handed = self._lock(
            run,
            "SET active_run = :next, last_active = :now REMOVE waiting[0]",
            "active_run = :run AND waiting[0] = :next",
            own | {":next": {"S": change.successor}, ":now": scalar(now_ms // 1000)},
        )
        return [handed, self._begin_turn(run, change.successor, now_ms)]

    def _begin_turn(self, run: RunRecord, run_id: str, now_ms: int) -> "TransactWriteItemTypeDef":
        return {
            "Update": {
                "TableName": self._table,
                "Key": run_key(run.tenant, run.thread_id, run_id),
                "UpdateExpression": "SET phase = :ready, watch = :watch, set_going_ms = :now",
                "ConditionExpression": "phase = :waiting",
                "ExpressionAttributeValues": {
                    ":ready": {"S": RunPhase.READY.value},
                    ":waiting": {"S": RunPhase.WAITING.value},
                    ":watch": scalar(TURN_WATCH),
                    ":now": scalar(now_ms),
                },
            }
        }

    def _ask_to_cancel(self, run: RunRecord, run_id: str) -> "TransactWriteItemTypeDef":
        return {
            "Update": {
                "TableName": self._table,
                "Key": run_key(run.tenant, run.thread_id, run_id),
                "UpdateExpression": "SET cancel_requested = :true",
                "ConditionExpression": "attribute_exists(pk)",
                "ExpressionAttributeValues": {":true": scalar(True)},
            }
        }

    def _lock(
        self, run: RunRecord, expression: str, condition: str, values: Item
    ) -> "TransactWriteItemTypeDef":
        return {
            "Update": {
                "TableName": self._table,
                "Key": thread_key(run),
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeValues": values,
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }


def room(line: ThreadLine, *, interrupts: bool) -> bool:
    """Tell whether another run may wait in a line."""
    return len(line.waiting) < (MAX_WAITING_INTERRUPTS if interrupts else MAX_WAITING)


def _list(*ids: str) -> Item:
    return {"L": [{"S": run_id} for run_id in ids]}
