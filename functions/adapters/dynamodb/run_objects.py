"""Runs as objects: read, listed, labelled; and what one of them has left open."""

from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from adapters.action_secrets import ActionSecrets
from adapters.dynamodb import keyspace
from adapters.dynamodb.errors import StoreUnavailable
from adapters.dynamodb.event_log import EventLog
from adapters.dynamodb.queries import query_page
from adapters.dynamodb.records import read_message, step_key
from adapters.dynamodb.run_items import AUTHENTICATIONS, read_run, run_key
from adapters.dynamodb.tool_calls import ToolCalls
from adapters.dynamodb.transactions import is_condition_failure
from adapters.dynamodb.values import Item, TextStore
from core.changes import Leftovers
from core.endings import with_logged_content
from core.paging import PageQuery, page_of
from core.records import RunPhase, RunRecord
from core.schema.authentication import Authentication
from core.schema.common import ListPage
from core.schema.runs import Run
from core.schema.steps import RunStep
from core.step_records import with_known_outputs

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_METADATA_ROUNDS: Final = 6


class RunObjects:
    """Reads runs, and sets their metadata.

    Args:
        client: a DynamoDB client.
        table: the state table's name.
        log: the event log, which has the content of messages that are being written.
        texts: has the documents that are too large for an item.
        secrets: reads what is stored of authentications.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        log: EventLog,
        texts: TextStore,
        secrets: ActionSecrets,
    ) -> None:
        self._secrets = secrets
        self._client = client
        self._table = table
        self._log = log
        self._texts = texts
        self._calls = ToolCalls(client, table, texts)

    def get(self, tenant: str, thread_id: str, run_id: str) -> RunRecord | None:
        """Return a run (strongly consistent); None if there is none."""
        item = self._item(tenant, thread_id, run_id)
        return read_run(item, self._texts) if item else None

    def list(self, tenant: str, thread_id: str, query: PageQuery) -> ListPage[Run]:
        """Return a page of a thread's runs."""
        items = query_page(
            self._client, self._table, keyspace.thread(tenant, thread_id), keyspace.RUN, query
        )
        runs = [read_run(item, self._texts).to_wire() for item in items]
        return page_of(runs, query, lambda run: run.id)

    def open_records(self, run: RunRecord) -> Leftovers:
        """Return what a run left open: its message, with the content that was logged, and its step.

        In the tool phase, which alone costs a query more, the step has the outputs that were told.

        Needed when a run ends, or is taken over, without the worker that was writing. That worker
        may still be adding to the log: the change that follows closes just what is read here.
        """
        step = self._open_step(run)
        if run.open_message is None:
            return Leftovers(step=step)
        item = self._client.get_item(
            TableName=self._table,
            Key={
                "pk": {"S": keyspace.thread(run.tenant, run.thread_id)},
                "sk": {"S": keyspace.MESSAGE + run.open_message},
            },
            ConsistentRead=True,
        ).get("Item")
        if item is None:
            return Leftovers(step=step)
        message = read_message(item, self._texts)
        batches = [
            batch
            for batch in self._log.read(run.tenant, run.id)
            if batch.first.epoch == run.epoch or (run.base is not None and batch.last <= run.base)
        ]
        events = [event for batch in batches for event in batch.events]
        seen = batches[-1].last if batches else None
        return Leftovers(with_logged_content(message, events), step, seen)

    def _open_step(self, run: RunRecord) -> RunStep | None:
        step = None if run.open_step is None else self.step(run, run.open_step)
        if step is None or run.phase is not RunPhase.TOOLS:
            return step
        # Their outputs come into the step's record with the last of them.
        return with_known_outputs(step, self._calls.of_step(run, step.id))

    def authentications(self, run: RunRecord) -> dict[str, Authentication]:
        """Return what a run was given for its actions, by their ids; nothing once it has ended.

        Raises:
            CannotOpen: it is sealed, and this deployment cannot open it.
        """
        item = self._client.get_item(
            TableName=self._table,
            Key=run_key(run.tenant, run.thread_id, run.id),
            ProjectionExpression=AUTHENTICATIONS,
            ConsistentRead=True,
        ).get("Item", {})
        return self._secrets.of_run(run.tenant, item[AUTHENTICATIONS]["S"]) if item else {}

    def step(self, run: RunRecord, step_id: str) -> RunStep | None:
        """Return one of the run's steps (strongly consistent)."""
        item = self._client.get_item(
            TableName=self._table, Key=step_key(run, step_id), ConsistentRead=True
        ).get("Item")
        return RunStep.model_validate_json(self._texts.unpack(item["doc"])) if item else None

    def set_metadata(
        self, tenant: str, thread_id: str, run_id: str, metadata: dict[str, str]
    ) -> RunRecord | None:
        """Set a run's metadata; return the run as it is then, or None if there is none.

        Nobody who works on the run writes its configuration, so this needs no lease.
        """
        for _ in range(_METADATA_ROUNDS):
            item = self._item(tenant, thread_id, run_id)
            if item is None:
                return None
            run = read_run(item, self._texts)
            config = run.config.model_copy(update={"metadata": metadata})
            document = self._texts.pack(tenant, config.model_dump_json())
            try:
                changed = self._client.update_item(
                    TableName=self._table,
                    Key=run_key(tenant, thread_id, run_id),
                    UpdateExpression="SET config = :new",
                    ConditionExpression="config = :old",
                    ExpressionAttributeValues={":new": document, ":old": item["config"]},
                    ReturnValues="ALL_NEW",
                )["Attributes"]
            except ClientError as error:
                self._texts.discard(document)
                if not is_condition_failure(error):
                    raise
            else:
                self._texts.discard(item["config"])
                return read_run(changed, self._texts)
        raise StoreUnavailable("Others changed the run each time that it was to be changed.")

    def _item(self, tenant: str, thread_id: str, run_id: str) -> Item | None:
        return self._client.get_item(
            TableName=self._table, Key=run_key(tenant, thread_id, run_id), ConsistentRead=True
        ).get("Item")
