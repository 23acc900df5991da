"""One request of a chain of redirects, and the next one (RFC 9110, section 15.4)."""

import re
from dataclasses import dataclass, field

from adapters.egress.bodies import ACCEPTED_CODING
from adapters.egress.errors import EgressRefused
from adapters.egress.targets import Target, parse_target
from core.http_headers import HARMLESS_HEADERS, is_connection_header, is_header_name
from core.masking import Mask
from core.openapi import PreparedRequest

REDIRECTS = frozenset({301, 302, 303, 307, 308})

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_VALUE = re.compile(r"[ -~\t]*\Z")


@dataclass(frozen=True, slots=True)
class Hop:
    """One request as it is sent.

    Attributes:
        method: in capitals.
        target: where it goes.
        headers: by their names in lower case, without those of the connection.
        body: None if there is none.
        withheld: texts that no redirect may take to another origin.
    """

    method: str
    target: Target = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    withheld: tuple[str, ...] = field(default=(), repr=False)

    def wire_headers(self) -> list[tuple[str, str]]:
        """Return all headers of the request."""
        headers = [
            ("Host", self.target.authority),
            ("Connection", "close"),
            ("Accept-Encoding", ACCEPTED_CODING),
            ("User-Agent", self.headers.get("user-agent", "ThreadRunner")),
        ]
        headers += [item for item in self.headers.items() if item[0] != "user-agent"]
        if self.body is not None or self.method in ("POST", "PUT", "PATCH"):
            headers.append(("Content-Length", str(len(self.body or b""))))
        return headers


def first_hop(request: PreparedRequest, idempotency_key: str | None) -> Hop:
    """Return the request as it is sent first.

    Raises:
        EgressRefused: its method, its URL or one of its headers is not for tools to send.
    """
    if request.method not in _METHODS:
        raise EgressRefused("Tools may not use this method.")
    given = list(request.headers.items())
    if idempotency_key is not None:
        given = [item for item in given if item[0].lower() != "idempotency-key"]
        given.append(("Idempotency-Key", idempotency_key))
    headers: dict[str, str] = {}
    for name, value in given:
        lowered = name.lower()
        if not is_header_name(name) or not _VALUE.match(value) or lowered in headers:
            raise EgressRefused("The request has a header that cannot be sent.")
        if is_connection_header(name):
            raise EgressRefused(f"Tools may not set the header {lowered!r}.")
        headers[lowered] = value.strip()
    return Hop(request.method, parse_target(request.url), headers, request.body, request.withheld)


def following_hop(hop: Hop, status: int, location: bytes) -> Hop:
    """Return the request that a redirect asks for.

    Args:
        hop: the request that was redirected.
        status: one of `REDIRECTS`.
        location: the value of the response's `Location`.

    Raises:
        EgressRefused: it leads where no request may go, out of TLS, or takes to another origin what
            is to be withheld from it.
    """
    target = hop.target.resolve(location)
    if hop.target.scheme == "https" and target.scheme == "http":
        raise EgressRefused(f"{hop.target.origin} redirects to a URL without TLS.")
    method, headers, body = hop.method, hop.headers, hop.body
    # 301 and 302 turn a POST into a GET by long custom, 303 turns everything but HEAD into one;
    # 307 and 308 change nothing.
    if (status in (301, 302) and method == "POST") or (status == 303 and method != "HEAD"):
        method, body = "GET", None
        headers = {name: text for name, text in headers.items() if name != "content-type"}
    if target.origin != hop.target.origin:
        if Mask(hop.withheld).finds(target.origin + target.path_and_query):
            # Many a service repeats the query of a request in the redirect that answers it.
            raise EgressRefused(
                f"{hop.target.origin} redirects to another host with credentials in the URL."
            )
        headers = {name: text for name, text in headers.items() if name in HARMLESS_HEADERS}
    return Hop(method, target, headers, body, hop.withheld)
