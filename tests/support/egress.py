"""Egress that follows a script, for what tools make of a response."""

from adapters.egress import EgressAllowList, EgressClient, EgressError, EgressResponse
from core.openapi import PreparedRequest


class ScriptedEgress(EgressClient):
    """Egress that answers with one thing, or raises it."""

    def __init__(self, answer: EgressResponse | EgressError) -> None:
        super().__init__(EgressAllowList())
        self.answer = answer
        self.requests: list[PreparedRequest] = []
        self.limits: list[tuple[float, str | None]] = []

    def send(
        self,
        request: PreparedRequest,
        *,
        timeout_seconds: float,
        idempotency_key: str | None = None,
    ) -> EgressResponse:
        self.requests.append(request)
        self.limits.append((timeout_seconds, idempotency_key))
        if isinstance(self.answer, EgressError):
            raise self.answer
        return self.answer
