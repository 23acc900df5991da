"""Requests of tools to the outside: what may be reached, and how it is reached safely."""

from adapters.egress.allow_list import EgressAllowList
from adapters.egress.client import EgressClient, EgressResponse
from adapters.egress.errors import EgressError, EgressFailed, EgressRefused, EgressTimeout

__all__ = [
    "EgressAllowList",
    "EgressClient",
    "EgressError",
    "EgressFailed",
    "EgressRefused",
    "EgressResponse",
    "EgressTimeout",
]
