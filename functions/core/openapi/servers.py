"""Where an operation's requests go: the one part of a URL that no argument can touch."""

import re
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from core.openapi.nodes import Node

_VARIABLE = re.compile(r"\{([^{}]*)\}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?\.?\Z")
_PREFIX = re.compile(r"(?:[A-Za-z0-9/._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*\Z")
_LONGEST_URL = 2_048


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the requests of a document's operations go.

    Attributes:
        instead: this URL, whatever the document says; "" for what it says.
        location: URL of the document, to which its servers may be relative (OpenAPI, "Server
            Object": `url`); "" if it has none.
    """

    instead: str = ""
    location: str = field(default="", repr=False)

    def of(self, levels: list[Node]) -> str:
        """Return the URL of an operation's first server, with its variables' defaults.

        Args:
            levels: the operation, its path and the document: the first of them that names servers
                counts (OpenAPI, "Operation Object": `servers` overrides).

        Raises:
            InvalidDocument: no server is named, or its URL is not an absolute http or https URL.
        """
        if self.instead:
            return self.instead
        for level in levels:
            servers = level.child("servers")
            if servers is not None and servers.items():
                node = servers.items()[0].required("url")
                return _checked(node, self._absolute(_filled(servers.items()[0], node)))
        missing = Node(None, "servers")
        if self.location:
            # OpenAPI, "OpenAPI Object": without servers there is one with the URL `/`.
            return _checked(missing, self._absolute("/"))
        raise missing.mistake(
            "is missing: name the service's absolute URL, as in https://api.example.com/v1"
        )

    def check(self, root: Node) -> None:
        """Check the document's own servers, to which most of its operations go.

        Raises:
            InvalidDocument: it names some, and they are wrong: one mistake instead of hundreds.
        """
        servers = root.child("servers")
        if servers is not None and servers.items():
            self.of([root])

    def _absolute(self, url: str) -> str:
        try:
            return urljoin(self.location, url) if self.location else url
        except ValueError:
            return url


def server_of(url: str) -> Servers:
    """Return that all requests go to this URL.

    Raises:
        InvalidDocument: it is not an absolute http or https URL.
    """
    return Servers(instead=_checked(Node(url, "server_url"), url))


def _filled(server: Node, node: Node) -> str:
    return _VARIABLE.sub(lambda match: _default(server, node, match[1]), node.text())


def _checked(node: Node, url: str) -> str:
    if len(url) > _LONGEST_URL:
        raise node.mistake(f"must be at most {_LONGEST_URL:,} characters long")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise node.mistake(
            "may hold only printable ASCII characters: write an international host name in its "
            "xn-- form"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise node.mistake("is not a URL") from None
    _check(node, url, parts)
    ending = "" if port is None else f":{port}"
    return f"{parts.scheme}://{_host(node, parts)}{ending}{parts.path.rstrip('/')}"


def _default(server: Node, url: Node, name: str) -> str:
    variables = server.child("variables")
    variable = None if variables is None else variables.child(name)
    if variable is None:
        raise url.mistake(f"uses the variable {{{name}}}, which is not described")
    node = variable.required("default")
    allowed = variable.child("enum")
    if allowed is not None and node.text() not in [item.text() for item in allowed.items()]:
        raise node.mistake("must be one of the variable's enum")
    return node.text()


def _check(node: Node, url: str, parts: SplitResult) -> None:
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise node.mistake(
            "must be an absolute http or https URL, as in https://api.example.com/v1"
        )
    if "@" in parts.netloc:
        raise node.mistake("must not hold a user name or a password")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise node.mistake("must not have a query or a fragment")
    if parts.port == 0 or parts.netloc.endswith(":"):
        raise node.mistake("must not have an empty port")
    if not _PREFIX.match(parts.path):
        raise node.mistake("has a path with characters that must be percent-encoded")
    if any(is_dot_segment(segment) for segment in parts.path.split("/")):
        raise node.mistake("must not have . or .. in its path")


def _host(node: Node, parts: SplitResult) -> str:
    host = parts.hostname or ""
    if _HOST.match(host):
        return host
    try:
        # A zone (`%eth0`) names an interface of this machine, never a service.
        address = IPv6Address(host if "%" not in host else "")
    except AddressValueError:
        raise node.mistake("does not name a host") from None
    return f"[{address.compressed}]"


def is_dot_segment(segment: str) -> bool:
    """Return whether a URL's reader takes the segment for a step in the tree (RFC 3986, 5.2.4)."""
    return unquote(segment) in (".", "..")
