"""The only way by which tools reach the network."""

import logging
import ssl
import time
from dataclasses import dataclass, field

import httpcore2

from adapters.egress.allow_list import EgressAllowList
from adapters.egress.bodies import BodyCollector
from adapters.egress.connections import CheckedBackend, resolve
from adapters.egress.deadlines import Clock, Deadline, Resolver, TimeIsUp
from adapters.egress.errors import EgressFailed, EgressTimeout
from adapters.egress.hops import REDIRECTS, Hop, first_hop, following_hop
from core.openapi import PreparedRequest

# At the level DEBUG httpcore2 writes the headers of requests and responses to its log.
logging.getLogger("httpcore2").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class EgressResponse:
    """What a service answered, after redirects.

    Attributes:
        status: of HTTP.
        content_type: the header's value; "" without one.
        body: decompressed.
        truncated: the body is only the beginning of what was sent.
    """

    status: int
    content_type: str
    body: bytes = field(repr=False)
    truncated: bool


class EgressClient:
    """Sends requests that a model shaped, and keeps them from where they must not go.

    Only http and https; only public addresses and what the operator allows, checked for each
    connection that is really made; one connection a request, so that nothing (cookies, connections,
    cached names) passes from one tenant's call to another's; and no proxies or credentials from the
    environment, because nothing here reads it.

    Args:
        allow: what may be reached although it is not public.
        connect_timeout: seconds for one address of a host.
        max_response_bytes: how much of a body is kept, decompressed.
        max_redirects: how many are followed.
        ssl_context: what TLS trusts; by default the system's certificates and those of certifi.
        resolver: gives the addresses of a host; the system's by default.
        network: makes connections; real ones by default.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        allow: EgressAllowList,
        *,
        connect_timeout: float = 5.0,
        max_response_bytes: int = 1_048_576,
        max_redirects: int = 5,
        ssl_context: ssl.SSLContext | None = None,
        resolver: Resolver = resolve,
        network: httpcore2.NetworkBackend | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self._allow = allow
        self._connect_timeout = connect_timeout
        self._max_response_bytes = max_response_bytes
        self._max_redirects = max_redirects
        self._ssl_context = ssl_context or httpcore2.default_ssl_context()
        self._resolver = resolver
        self._network = network or httpcore2.SyncBackend()
        self._clock = clock

    def send(
        self,
        request: PreparedRequest,
        *,
        timeout_seconds: float,
        idempotency_key: str | None = None,
    ) -> EgressResponse:
        """Send a request once, and follow its redirects.

        Args:
            request: what is sent.
            timeout_seconds: for everything together, from the first name to the last byte.
            idempotency_key: lets the service recognise the same call if it sees it again.

        Raises:
            EgressRefused: a rule forbids it.
            EgressTimeout: the time was up.
            EgressFailed: the network or the service failed.
        """
        deadline = Deadline(timeout_seconds, self._clock)
        hop = first_hop(request, idempotency_key)
        for _ in range(self._max_redirects + 1):
            origin = hop.target.origin
            try:
                answer = self._exchange(hop, deadline)
            except (TimeIsUp, httpcore2.TimeoutException):
                raise EgressTimeout(
                    f"{origin} did not answer in time ({timeout_seconds:g} seconds for everything)."
                ) from None
            except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
                raise EgressFailed(f"{origin} {_what_failed(error)}.") from None
            if isinstance(answer, EgressResponse):
                return answer
            hop = answer
        raise EgressFailed(f"{hop.target.origin} is one redirect too many.")

    def _exchange(self, hop: Hop, deadline: Deadline) -> EgressResponse | Hop:
        """Send one request; return the response, or the request that a redirect asks for."""
        url = httpcore2.URL(
            scheme=hop.target.scheme.encode(),
            host=hop.target.host.encode(),
            port=hop.target.port,
            target=hop.target.path_and_query.encode(),
        )
        connection = httpcore2.HTTPConnection(
            origin=url.origin,
            ssl_context=self._ssl_context,
            network_backend=CheckedBackend(
                allow=self._allow,
                resolver=self._resolver,
                network=self._network,
                deadline=deadline,
                connect_timeout=self._connect_timeout,
            ),
        )
        try:
            with connection.stream(
                hop.method, url, headers=hop.wire_headers(), content=hop.body
            ) as response:
                locations = _header(response, b"location")
                if response.status in REDIRECTS and locations:
                    return following_hop(hop, response.status, locations[0])
                return self._read(response)
        finally:
            connection.close()

    def _read(self, response: httpcore2.Response) -> EgressResponse:
        coding = b", ".join(_header(response, b"content-encoding")).decode("latin-1")
        collector = BodyCollector(coding, self._max_response_bytes)
        for chunk in response.iter_stream():
            collector.feed(chunk)
            if collector.is_full:
                break
        return EgressResponse(
            status=response.status,
            content_type=b"".join(_header(response, b"content-type")[:1]).decode("latin-1"),
            body=collector.finish(),
            truncated=collector.is_full,
        )


def _header(response: httpcore2.Response, name: bytes) -> list[bytes]:
    """Return the header's values that say something, in their order."""
    return [value.strip() for key, value in response.headers if key.lower() == name and value]


def _what_failed(error: Exception) -> str:
    """Say what failed in words of our own: the library's repeat parts of the message."""
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        return "has a certificate that is not valid for it"
    if isinstance(error.__cause__, ssl.SSLError):
        return "does not speak TLS as it should"
    if isinstance(error, httpcore2.ConnectError):
        return "cannot be connected to"
    if isinstance(error, httpcore2.ProtocolError):
        return "does not speak HTTP as it should"
    return "broke off the connection"
