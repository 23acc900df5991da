"""Assistants, actions, threads, messages, steps, projects: objects without a life of their own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from adapters.dynamodb import keyspace
from adapters.dynamodb.errors import ThreadMissing
from adapters.dynamodb.queries import query_page
from adapters.dynamodb.records import message_item, raise_thread_refusal
from adapters.dynamodb.transactions import ConditionFailed, transact
from adapters.dynamodb.values import Item, TextStore
from core.paging import PageQuery, page_of
from core.schema.actions import Action, ActionRecord
from core.schema.assistants import Assistant, AssistantRecord
from core.schema.common import ListPage, WireModel
from core.schema.messages import Message
from core.schema.organization import Project
from core.schema.steps import RunStep
from core.schema.threads import Thread

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

M = TypeVar("M", bound=WireModel)
_TRANSACTION_ITEMS = 100
_ACTIONS_AT_ONCE = 25  # a transaction has 4 MB, and each of them may have 120 KB


class ObjectStore:
    """Objects by tenant and id.

    Args:
        client: a DynamoDB client.
        table: the state table's name.
        texts: takes documents that are too large for an item.
    """

    def __init__(self, client: "DynamoDBClient", table: str, texts: TextStore) -> None:
        self._client = client
        self._table = table
        self._texts = texts

    # ---- assistants ---------------------------------------------------------------------------

    def put_assistant(self, tenant: str, record: AssistantRecord) -> None:
        """Store an assistant."""
        self._put(tenant, keyspace.assistants(tenant), record.wire.id, record)

    def get_assistant(self, tenant: str, assistant_id: str) -> AssistantRecord | None:
        """Return an assistant; None if there is none."""
        return self._get(keyspace.assistants(tenant), assistant_id, AssistantRecord)

    def list_assistants(self, tenant: str, query: PageQuery) -> ListPage[Assistant]:
        """Return a page of a tenant's assistants."""
        records = self._query(keyspace.assistants(tenant), "", query, AssistantRecord)
        return page_of([record.wire for record in records], query, lambda found: found.id)

    # ---- actions ------------------------------------------------------------------------------

    def put_actions(self, tenant: str, records: Sequence[ActionRecord]) -> None:
        """Store the operations of a document, in groups that a transaction can take."""
        partition = keyspace.actions(tenant)
        writes = [
            self._put_write(self._item(tenant, partition, record.wire.id, record))
            for record in records
        ]
        for start in range(0, len(writes), _ACTIONS_AT_ONCE):
            transact(self._client, writes[start : start + _ACTIONS_AT_ONCE])

    def get_action(self, tenant: str, action_id: str) -> ActionRecord | None:
        """Return an action; None if there is none."""
        return self._get(keyspace.actions(tenant), action_id, ActionRecord)

    def get_actions(self, tenant: str, action_ids: Sequence[str]) -> dict[str, ActionRecord]:
        """Return those actions that exist, by id."""
        found = ((action_id, self.get_action(tenant, action_id)) for action_id in action_ids)
        return {action_id: record for action_id, record in found if record is not None}

    def list_actions(self, tenant: str, query: PageQuery) -> ListPage[Action]:
        """Return a page of a tenant's actions."""
        records = self._query(keyspace.actions(tenant), "", query, ActionRecord)
        return page_of([record.wire for record in records], query, lambda found: found.id)

    # ---- threads and messages -----------------------------------------------------------------

    def create_thread(self, tenant: str, thread: Thread, messages: Sequence[Message]) -> None:
        """Store a thread with its first messages: the thread last, so that none is half there."""
        writes = [
            self._put_write(message_item(tenant, message, self._texts)) for message in messages
        ]
        meta = self._item(tenant, keyspace.thread(tenant, thread.id), keyspace.META, thread)
        writes.append(self._put_write(meta))
        for start in range(0, len(writes), _TRANSACTION_ITEMS):
            transact(self._client, writes[start : start + _TRANSACTION_ITEMS])

    def get_thread(self, tenant: str, thread_id: str) -> Thread | None:
        """Return a thread; None if there is none."""
        return self._get(keyspace.thread(tenant, thread_id), keyspace.META, Thread)

    def active_run(self, tenant: str, thread_id: str) -> str | None:
        """Return the run that is active on a thread; None if none is.

        Raises:
            ThreadMissing: there is no such thread.
        """
        item = self._client.get_item(
            TableName=self._table,
            Key=_key(keyspace.thread(tenant, thread_id), keyspace.META),
            ConsistentRead=True,
        ).get("Item")
        if item is None:
            raise ThreadMissing
        return item["active_run"]["S"] if "active_run" in item else None

    def add_message(self, tenant: str, message: Message) -> None:
        """Add a message to a thread on which no run is active, in one transaction.

        Raises:
            ThreadMissing: there is no such thread.
            ThreadBusy: a run is active on it.
        """
        check: TransactWriteItemTypeDef = {
            "ConditionCheck": {
                "TableName": self._table,
                "Key": _key(keyspace.thread(tenant, message.thread_id), keyspace.META),
                "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(active_run)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }
        put = self._put_write(message_item(tenant, message, self._texts))
        try:
            transact(self._client, [check, put])
        except ConditionFailed as failure:
            raise_thread_refusal(failure.old.get(0, {}))

    def get_message(self, tenant: str, thread_id: str, message_id: str) -> Message | None:
        """Return a message; None if there is none."""
        key = keyspace.MESSAGE + message_id
        return self._get(keyspace.thread(tenant, thread_id), key, Message)

    def list_messages(
        self, tenant: str, thread_id: str, query: PageQuery, run_id: str | None = None
    ) -> ListPage[Message]:
        """Return a page of a thread's messages, or of those that a run wrote."""
        partition = keyspace.thread(tenant, thread_id)
        messages = self._query(partition, keyspace.MESSAGE, query, Message, run_id=run_id)
        return page_of(messages, query, lambda found: found.id)

    # ---- run steps ----------------------------------------------------------------------------

    def get_step(self, tenant: str, run_id: str, step_id: str) -> RunStep | None:
        """Return a run step; None if there is none."""
        return self._get(keyspace.run(tenant, run_id), keyspace.STEP + step_id, RunStep)

    def list_steps(self, tenant: str, run_id: str, query: PageQuery) -> ListPage[RunStep]:
        """Return a page of a run's steps."""
        steps = self._query(keyspace.run(tenant, run_id), keyspace.STEP, query, RunStep)
        return page_of(steps, query, lambda found: found.id)

    # ---- projects -----------------------------------------------------------------------------

    def put_project(self, project: Project) -> None:
        """Store a project."""
        self._put(project.id, keyspace.PROJECTS, project.id, project)

    def get_project(self, project_id: str) -> Project | None:
        """Return a project; None if there is none."""
        return self._get(keyspace.PROJECTS, project_id, Project)

    def list_projects(self, query: PageQuery) -> ListPage[Project]:
        """Return a page of all projects."""
        projects = self._query(keyspace.PROJECTS, "", query, Project)
        return page_of(projects, query, lambda found: found.id)

    # ---- items --------------------------------------------------------------------------------

    def _item(self, tenant: str, partition: str, sort: str, model: WireModel) -> Item:
        return _key(partition, sort) | {"doc": self._texts.pack(tenant, model.model_dump_json())}

    def _put_write(self, item: Item) -> "TransactWriteItemTypeDef":
        return {"Put": {"TableName": self._table, "Item": item}}

    def _put(self, tenant: str, partition: str, sort: str, model: WireModel) -> None:
        self._client.put_item(
            TableName=self._table, Item=self._item(tenant, partition, sort, model)
        )

    def _get(self, partition: str, sort: str, model: type[M]) -> M | None:
        item = self._client.get_item(
            TableName=self._table, Key=_key(partition, sort), ConsistentRead=True
        ).get("Item")
        return model.model_validate_json(self._texts.unpack(item["doc"])) if item else None

    def _query(
        self,
        partition: str,
        prefix: str,
        query: PageQuery,
        model: type[M],
        *,
        run_id: str | None = None,
    ) -> list[M]:
        items = query_page(self._client, self._table, partition, prefix, query, run_id=run_id)
        return [model.model_validate_json(self._texts.unpack(item["doc"])) for item in items]


def _key(partition: str, sort: str) -> Item:
    return {"pk": {"S": partition}, "sk": {"S": sort}}
