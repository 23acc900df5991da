"""Projects (tenants) and their keys, in the shapes of OpenAI's organization API."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from core.schema.common import RequestModel, WireModel

Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Project(WireModel):
    """A tenant: everything that a key makes belongs to its project."""

    id: str
    object: Literal["organization.project"] = "organization.project"
    name: str
    created_at: int
    archived_at: int | None = None
    status: Literal["active", "archived"] = "active"


class CreateProject(RequestModel):
    """The body of `POST /v1/organization/projects`."""

    name: Name


class ServiceAccountKey(WireModel):
    """A new key; `value` is shown this once and never again."""

    id: str
    object: Literal["organization.project.service_account.api_key"] = (
        "organization.project.service_account.api_key"
    )
    name: str
    created_at: int
    value: str


class ServiceAccount(WireModel):
    """A program that uses a project, with its new key."""

    id: str
    object: Literal["organization.project.service_account"] = "organization.project.service_account"
    name: str
    role: Literal["member"] = "member"
    created_at: int
    api_key: ServiceAccountKey


class CreateServiceAccount(RequestModel):
    """The body of `POST /v1/organization/projects/{project_id}/service_accounts`."""

    name: Name


class DeletedServiceAccount(WireModel):
    """The answer to a deletion."""

    id: str
    object: Literal["organization.project.service_account.deleted"] = (
        "organization.project.service_account.deleted"
    )
    deleted: Literal[True] = True
