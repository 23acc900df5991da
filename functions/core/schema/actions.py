"""Actions: operations of an OpenAPI document that a user registered as tools."""

from typing import Annotated, Any, Literal

from pydantic import Field

from core.schema.authentication import Authentication
from core.schema.common import ListPage, Metadata, RequestModel, WireModel


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


class StoredAuthentication(WireModel):
    """How a service is told who calls, as it is stored: for the tool worker alone.

    Attributes:
        authentication: None if the service asks for none, or if it is sealed.
        sealed: the authentication encrypted, where the deployment has a key for that.
    """

    authentication: Authentication | None = Field(default=None, repr=False)
    sealed: str | None = Field(default=None, repr=False)


class ActionRecord(StoredAuthentication):
    """An action as it is stored.

    Attributes:
        wire: what clients see.
        operation: the parsed operation as JSON text.
    """

    wire: Action
    operation: str


OperationNames = Annotated[list[str], Field(min_length=1, max_length=500)]
DocumentUrl = Annotated[str, Field(min_length=1, max_length=8_192, pattern=r"^https?://[!-~]+$")]


class CreateActions(RequestModel):
    """The body of `POST /v1/actions`: one document, one tool an operation.

    Attributes:
        openapi_schema: the document as an object, or as text in JSON or YAML.
        openapi_url: where it is published, instead.
        server_url: where requests go, whatever the document says.
        operations: only these, by name, `operationId`, or method and path (`GET /pets`).
        tags: only (or besides) those with one of these tags.
        authentication: how the service is told who calls; it is never returned.
    """

    openapi_schema: dict[str, Any] | str | None = Field(default=None, repr=False)
    openapi_url: DocumentUrl | None = Field(default=None, repr=False)
    server_url: Annotated[str, Field(min_length=1, max_length=2_048)] | None = None
    operations: OperationNames | None = None
    tags: OperationNames | None = None
    authentication: Authentication | None = Field(default=None, repr=False)
    metadata: Metadata | None = None


class SkippedOperation(WireModel):
    """An operation that cannot be a tool, and why."""

    operation: str
    reason: str


class CreatedActions(ListPage[Action]):
    """The actions that a document became, in its order.

    Attributes:
        skipped: operations of the document that cannot be tools; the first hundred of them.
    """

    skipped: list[SkippedOperation]


class ModifyAction(RequestModel):
    """The body of `POST /v1/actions/{action_id}`; what it does not name stays as it is.

    Attributes:
        name: the function's name for the model.
        description: what the model is told that it does; null for nothing.
        authentication: null takes it away.
        metadata: null clears it.
    """

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")] | None = None
    description: Annotated[str, Field(max_length=1_024)] | None = None
    authentication: Authentication | None = Field(default=None, repr=False)
    metadata: Metadata | None = None


class TryAction(RequestModel):
    """The body of `POST /v1/actions/{action_id}/run`.

    Attributes:
        parameters: the arguments, as a model would give them.
        authentication: instead of the action's own, for this call.
    """

    parameters: dict[str, Any] = Field(default_factory=dict, repr=False)
    authentication: Authentication | None = Field(default=None, repr=False)


class ActionRun(WireModel):
    """What became of a call.

    Attributes:
        status: of HTTP; null if the service did not answer.
        body: the response's text as a model would see it: cut, and without secrets.
        error: why there is no response.
    """

    object: Literal["action.run"] = "action.run"
    action_id: str
    status: int | None
    body: str | None
    error: str | None
