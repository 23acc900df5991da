"""Calls of actions, whoever makes them: the tool worker for a model, or a developer who tries."""

import json
from dataclasses import dataclass, field

from core.openapi.nodes import JsonObject
from core.schema.authentication import Authentication


@dataclass(frozen=True, slots=True)
class ActionCall:
    """One call.

    Attributes:
        tenant: whose action it is.
        operation: the operation as JSON text (`Operation.to_json`).
        arguments: by name.
        timeout_seconds: for everything that it takes.
        idempotency_key: the same if this call is ever made again.
        authentication: for the service; None if it asks for none.
    """

    tenant: str
    operation: str = field(repr=False)
    arguments: JsonObject = field(repr=False)
    timeout_seconds: float
    idempotency_key: str
    authentication: Authentication | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ActionAnswer:
    """What the service answered.

    Attributes:
        status: of HTTP.
        body: as text, cut and without secrets; what is no text is described.
    """

    status: int
    body: str = field(repr=False)

    @property
    def failed(self) -> bool:
        """Whether the service did not do what was asked of it."""
        return not 200 <= self.status < 300

    @property
    def output(self) -> str:
        """What a model is told: the body if the status is 2xx, else both as JSON."""
        if self.body and not self.failed:
            return self.body
        # An empty text would leave the model in doubt whether anything happened.
        return json.dumps({"status": self.status, "body": self.body}, ensure_ascii=False)


class ActionFailed(Exception):
    """There is no response.

    Args:
        message: why, in words for a model: without secrets.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
