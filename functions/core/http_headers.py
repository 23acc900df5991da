"""Headers of requests that tools send: what a name is, and whose affair some of them are."""

import re
from typing import Final

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}\Z")  # RFC 9110, section 5.6.2

# They belong to the connection, which is ours.
CONNECTION_HEADERS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# What another origin may see after a redirect. All else could be a credential: services invent
# names for theirs.
HARMLESS_HEADERS: Final = frozenset(
    {"accept", "accept-language", "content-type", "idempotency-key"}
)


def is_header_name(text: str) -> bool:
    """Return whether the text is the name of a header."""
    return _NAME.match(text) is not None


def is_connection_header(name: str) -> bool:
    """Return whether a header, in any case, is one that requests of tools may not set."""
    lowered = name.lower()
    return lowered in CONNECTION_HEADERS or lowered.startswith("proxy-")


def may_carry_credentials(name: str) -> bool:
    """Return whether a credential may be put into a header of this name, in any case.

    Not where it would disturb the connection, nor where a redirect would take it to another host.
    """
    harmless = name.lower() in HARMLESS_HEADERS
    return is_header_name(name) and not harmless and not is_connection_header(name)
