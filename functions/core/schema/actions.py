"""Actions: operations of an OpenAPI document that a user registered as tools."""

from typing import Annotated, Any, Literal

from pydantic import Field

from core.schema.authentication import Authentication
from core.schema.common import Metadata, RequestModel, WireModel


class Action(WireModel):
    """One operation, offered to a model as a tool under `name`."""

    id: str
    object: Literal["action"] = "action"
    created_at: int
    name: str
    description: str
    method: str
    server_url: str
    path: str
    parameters: dict[str, Any]
    metadata: dict[str, str]


class ActionRecord(WireModel):
    """An action as it is stored.

    Attributes:
        wire: what clients see.
        operation: the parsed operation as JSON text.
        authentication: for the tool worker alone; None if the service asks for none.
    """

    wire: Action
    operation: str
    authentication: Authentication | None = Field(default=None, repr=False)


class CreateActions(RequestModel):
    """The body of `POST /v1/actions`: one document, one tool an operation."""

    openapi_schema: dict[str, Any]
    operations: Annotated[list[str], Field(min_length=1)] | None = None
    authentication: Authentication | None = Field(default=None, repr=False)
    metadata: Metadata | None = None
