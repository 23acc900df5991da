"""Assistants, actions, steps, projects: objects without a life of their own."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from adapters.dynamodb import keyspace
from adapters.dynamodb.documents import Documents
from adapters.dynamodb.transactions import Receipt, transact
from adapters.dynamodb.values import TextStore
from core.paging import PageQuery, page_of
from core.schema.actions import Action, ActionRecord
from core.schema.assistants import Assistant, AssistantRecord
from core.schema.common import ListPage
from core.schema.organization import Project
from core.schema.steps import RunStep

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

_STEPS_AT_ONCE = 100
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
        self._documents = Documents(client, table, texts)

    # ---- assistants ---------------------------------------------------------------------------

    def create_assistant(
        self, tenant: str, record: AssistantRecord, receipt: Receipt | None = None
    ) -> None:
        """Store a new assistant.

        Raises:
            Repeated: the request was answered before.
        """
        self._documents.create(tenant, keyspace.assistants(tenant), record.wire.id, record, receipt)

    def get_assistant(self, tenant: str, assistant_id: str) -> AssistantRecord | None:
        """Return an assistant; None if there is none."""
        return self._documents.get(keyspace.assistants(tenant), assistant_id, AssistantRecord)

    def change_assistant(
        self, tenant: str, assistant_id: str, decide: Callable[[AssistantRecord], AssistantRecord]
    ) -> AssistantRecord | None:
        """Change an assistant; return it as it is then, or None if there is none."""
        return self._documents.change(
            tenant, keyspace.assistants(tenant), assistant_id, AssistantRecord, decide
        )

    def delete_assistant(self, tenant: str, assistant_id: str) -> bool:
        """Delete an assistant; tell whether there was one."""
        return self._documents.delete(keyspace.assistants(tenant), assistant_id)

    def list_assistants(self, tenant: str, query: PageQuery) -> ListPage[Assistant]:
        """Return a page of a tenant's assistants."""
        records = self._documents.page(keyspace.assistants(tenant), "", query, AssistantRecord)
        return page_of([record.wire for record in records], query, lambda found: found.id)

    # ---- actions ------------------------------------------------------------------------------

    def create_actions(
        self, tenant: str, records: Sequence[ActionRecord], receipt: Receipt | None = None
    ) -> None:
        """Store the operations of a document, in groups that a transaction can take.

        The answer is recorded with the last group: what breaks off before it is done anew.

        Raises:
            Repeated: the request was answered before.
        """
        partition = keyspace.actions(tenant)
        writes = [
            self._documents.put_write(tenant, partition, record.wire.id, record)
            for record in records
        ]
        while len(writes) > _ACTIONS_AT_ONCE:
            transact(self._client, writes[:_ACTIONS_AT_ONCE])
            del writes[:_ACTIONS_AT_ONCE]
        transact(self._client, writes, receipt)

    def get_action(self, tenant: str, action_id: str) -> ActionRecord | None:
        """Return an action; None if there is none."""
        return self._documents.get(keyspace.actions(tenant), action_id, ActionRecord)

    def get_actions(self, tenant: str, action_ids: Sequence[str]) -> dict[str, ActionRecord]:
        """Return those actions that exist, by id."""
        return self._documents.get_many(keyspace.actions(tenant), action_ids, ActionRecord)

    def change_action(
        self, tenant: str, action_id: str, decide: Callable[[ActionRecord], ActionRecord]
    ) -> ActionRecord | None:
        """Change an action; return it as it is then, or None if there is none."""
        return self._documents.change(
            tenant, keyspace.actions(tenant), action_id, ActionRecord, decide
        )

    def delete_action(self, tenant: str, action_id: str) -> bool:
        """Delete an action; tell whether there was one."""
        return self._documents.delete(keyspace.actions(tenant), action_id)

    def list_actions(self, tenant: str, query: PageQuery) -> ListPage[Action]:
        """Return a page of a tenant's actions."""
        records = self._documents.page(keyspace.actions(tenant), "", query, ActionRecord)
        return page_of([record.wire for record in records], query, lambda found: found.id)

    # ---- run steps ----------------------------------------------------------------------------

    def get_step(self, tenant: str, run_id: str, step_id: str) -> RunStep | None:
        """Return a run step; None if there is none."""
        return self._documents.get(keyspace.run(tenant, run_id), keyspace.STEP + step_id, RunStep)

    def list_steps(self, tenant: str, run_id: str, query: PageQuery) -> ListPage[RunStep]:
        """Return a page of a run's steps."""
        steps = self._documents.page(keyspace.run(tenant, run_id), keyspace.STEP, query, RunStep)
        return page_of(steps, query, lambda found: found.id)

    def all_steps(self, tenant: str, run_id: str) -> list[RunStep]:
        """Return all steps of a run, oldest first, in a query a hundred."""
        steps: list[RunStep] = []
        after: str | None = None
        while True:
            query = PageQuery(limit=_STEPS_AT_ONCE, order="asc", after=after)
            page = self.list_steps(tenant, run_id, query)
            steps += page.data
            if not page.has_more:
                return steps
            after = page.last_id

    # ---- projects -----------------------------------------------------------------------------

    def create_project(self, project: Project, receipt: Receipt | None = None) -> None:
        """Store a new project.

        Raises:
            Repeated: the request was answered before.
        """
        self._documents.create(project.id, keyspace.PROJECTS, project.id, project, receipt)

    def get_project(self, project_id: str) -> Project | None:
        """Return a project; None if there is none."""
        return self._documents.get(keyspace.PROJECTS, project_id, Project)

    def list_projects(self, query: PageQuery) -> ListPage[Project]:
        """Return a page of all projects."""
        projects = self._documents.page(keyspace.PROJECTS, "", query, Project)
        return page_of(projects, query, lambda found: found.id)
