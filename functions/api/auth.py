"""Who calls: the API key of the `Authorization` header, and what it may do."""

import re
from collections.abc import Callable

from core.errors import AuthenticationFailed, PermissionDenied
from core.keys import KeyRecord, KeyScope

_BEARER = re.compile(r"\s*bearer\s+(\S+)\s*", re.IGNORECASE)
_SHOWN = 4
# Of a shorter key, four characters would be too much to show.
_SHORTEST_SHOWN = 24

MISSING_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header "
    "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
)
_NEEDS: dict[KeyScope, str] = {
    "project": (
        "You have insufficient permissions for this operation. This is an admin key, which belongs "
        "to no project: use a key of one of the project's service accounts."
    ),
    "admin": (
        "You have insufficient permissions for this operation. It takes an admin key; this is the "
        "key of a project."
    ),
}


def authenticate(
    header: str | None, find: Callable[[str], KeyRecord | None], scope: KeyScope
) -> KeyRecord:
    """Return what is known of the caller's key.

    Args:
        header: the request's `Authorization` header.
        find: looks a key up.
        scope: what kind of key the request takes.

    Raises:
        AuthenticationFailed: there is no key, or it is not known.
        PermissionDenied: the key is of the other kind.
    """
    key = bearer_token(header)
    if key is None:
        raise AuthenticationFailed(MISSING_KEY)
    record = find(key)
    if record is None:
        raise AuthenticationFailed(f"Incorrect API key provided: {masked(key)}.")
    if record.scope != scope:
        raise PermissionDenied(_NEEDS[scope])
    return record


def bearer_token(header: str | None) -> str | None:
    """Return the token of a bearer header, whose scheme may be written in any case (RFC 9110)."""
    match = _BEARER.fullmatch(header or "")
    return match[1] if match else None


def masked(key: str) -> str:
    """Return a key so that its owner knows it again, and nobody else learns it."""
    start = "sk-" if key.startswith("sk-") else ""
    end = key[-_SHOWN:] if len(key) >= _SHORTEST_SHOWN and key.isascii() else ""
    return f"{start}…{end}"
