"""Connections to checked addresses only.

    host name ──resolve once──▶ addresses ──check all──▶ connect to one ──▶ TLS for the host name

The check and the connection use the same address, so a name that changes its answer in between
(DNS rebinding) gains nothing.
"""

import socket
import ssl
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore2

from adapters.egress.addresses import Address, is_never_allowed, is_public, parse_address
from adapters.egress.allow_list import EgressAllowList
from adapters.egress.deadlines import Deadline, Resolver, resolve_within
from adapters.egress.errors import EgressFailed, EgressRefused

_MOST_ADDRESSES = 4
# Small enough that a socket that takes any of it takes all of it: `write` below looks at the clock
# only between pieces.
_PIECE = 4_096


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, as the system orders them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class CheckedBackend(httpcore2.NetworkBackend):
    """Connects to a host once all of its addresses have passed.

    Args:
        allow: what may be reached although it is not public.
        resolver: gives the addresses of a host.
        network: makes the connection to an address.
        deadline: of the whole request.
        connect_timeout: seconds for one address.
    """

    def __init__(
        self,
        *,
        allow: EgressAllowList,
        resolver: Resolver,
        network: httpcore2.NetworkBackend,
        deadline: Deadline,
        connect_timeout: float,
    ) -> None:
        self._allow = allow
        self._resolver = resolver
        self._network = network
        self._deadline = deadline
        self._connect_timeout = connect_timeout

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of the host that answers.

        Raises:
            EgressRefused: one of its addresses is closed to tools.
            EgressFailed: it has no address.
            TimeIsUp: the deadline has passed.
            httpcore2.ConnectError, httpcore2.ConnectTimeout: no address answers.
        """
        failure: Exception = httpcore2.ConnectError("The host has no address.")
        for address in self._checked_addresses(host, port)[:_MOST_ADDRESSES]:
            limit = min(self._connect_timeout, self._deadline.remaining())
            try:
                stream = self._network.connect_tcp(str(address), port, timeout=limit)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return TimedStream(stream, self._deadline)
        raise failure

    def _checked_addresses(self, host: str, port: int) -> list[Address]:
        literal = parse_address(host)
        if literal is not None:
            texts: Sequence[str] = [str(literal)]
        else:
            try:
                texts = resolve_within(self._deadline, self._resolver, host, port)
            except (OSError, UnicodeError):
                # Python encodes names with IDNA, for which a label may be too long.
                raise EgressFailed(f"The host {host!r} was not found.") from None
        addresses = [parse_address(text) for text in texts]
        # A name with even one closed address is not to be trusted with the others.
        passed = [
            address
            for address in addresses
            if address is not None and self._passes(host, address, port)
        ]
        if len(passed) < len(addresses):
            raise EgressRefused(f"Tools may not reach the host {host!r}: it is not public.")
        if not passed:
            raise EgressFailed(f"The host {host!r} was not found.")
        return passed

    def _passes(self, host: str, address: Address, port: int) -> bool:
        if is_public(address):
            return True
        if is_never_allowed(address):
            return False
        return self._allow.allows_host(host, port) or self._allow.allows_address(address, port)

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Refuse: there is nothing for tools behind a socket of this machine."""
        raise EgressRefused("Tools may not reach sockets of this machine.")


class TimedStream(httpcore2.NetworkStream):
    """A connection whose every wait ends at the deadline, however slowly the other side drips."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what arrives next; b"" at the end."""
        return self._stream.read(max_bytes, self._deadline.remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of the bytes."""
        for start in range(0, len(buffer), _PIECE):
            self._stream.write(buffer[start : start + _PIECE], self._deadline.remaining())

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """Return the connection under TLS, verified for the host's name."""
        limit = self._deadline.remaining()
        stream = self._stream.start_tls(ssl_context, server_hostname, limit)
        return TimedStream(stream, self._deadline)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection below knows."""
        return self._stream.get_extra_info(info)
