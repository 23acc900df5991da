"""API keys: random, shown once, kept only as a hash."""

import hashlib
import secrets
from typing import Literal

from core.schema.common import WireModel

KeyScope = Literal["project", "admin"]
_PREFIXES: dict[KeyScope, str] = {"project": "sk-tr-", "admin": "sk-admin-tr-"}


def new_key(scope: KeyScope) -> str:
    """Return a new key with 256 random bits."""
    return _PREFIXES[scope] + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """Return the SHA-256 of a key as hex.

    A slow password hash would add nothing: nobody can guess 256 random bits.
    """
    return hashlib.sha256(key.encode()).hexdigest()


class KeyRecord(WireModel):
    """What is known of a key: who it belongs to and what it may do.

    Attributes:
        id: the service account that holds it.
        tenant: the project; empty for an admin key, which belongs to none.
    """

    id: str
    tenant: str
    scope: KeyScope
    name: str
    created_at: int
