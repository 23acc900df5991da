"""URLs of requests, read once and strictly: every later step works with the parts found here."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from adapters.egress.addresses import parse_address
from adapters.egress.allow_list import is_host_name
from adapters.egress.errors import EgressRefused

DEFAULT_PORTS = {"http": 80, "https": 443}
_LONGEST_URL = 16_384
_NOT_READABLE = "The URL cannot be read, so the request was not sent."


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes.

    Attributes:
        scheme: `http` or `https`.
        host: a host name in lower case, or an address in its usual form, without brackets.
        port: 1 to 65,535.
        path_and_query: starts with a slash; printable ASCII.
    """

    scheme: str
    host: str
    port: int
    path_and_query: str

    @property
    def origin(self) -> str:
        """The scheme, host and port as text, for people and for comparison."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """The value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def resolve(self, location: bytes) -> "Target":
        """Return where a redirect leads.

        Args:
            location: the value of the `Location` header; relative to this target, maybe.

        Raises:
            EgressRefused: it leads nowhere that a request may go.
        """
        # Services write raw UTF-8 and spaces here. In a host they stay refused, as its `%` is.
        text = quote(location.strip(), safe="!#$%&'()*+,/:;=?@[]~\\")
        try:
            return parse_target(urljoin(self.origin + self.path_and_query, text))
        except ValueError:
            raise EgressRefused(_NOT_READABLE) from None


def parse_target(url: str) -> Target:
    """Return the parts of an absolute URL.

    Raises:
        EgressRefused: the scheme is not http or https, the URL carries a user or password, or it
            has a part that two readers might understand differently.
    """
    if len(url) > _LONGEST_URL or not re.fullmatch(r"[!-~]*", url):
        raise EgressRefused(_NOT_READABLE)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise EgressRefused(_NOT_READABLE) from None
    if parts.scheme not in DEFAULT_PORTS:
        raise EgressRefused("Only http and https URLs are allowed.")
    if "@" in parts.netloc:
        raise EgressRefused("A URL must not carry a user name or a password.")
    if port == 0 or parts.netloc.endswith(":"):
        raise EgressRefused(_NOT_READABLE)
    query = f"?{parts.query}" if parts.query else ""
    return Target(
        scheme=parts.scheme,
        host=_host(parts),
        port=DEFAULT_PORTS[parts.scheme] if port is None else port,
        path_and_query=(parts.path or "/") + query,
    )


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower().removesuffix(".")
    address = parse_address(host)
    if address is not None:
        return str(address)
    if is_host_name(host):
        return host
    # Among these are the other spellings of IPv4 addresses, which not all resolvers understand.
    raise EgressRefused(
        "The URL's host is neither a host name nor an address in its usual form, so the request "
        "was not sent."
    )
