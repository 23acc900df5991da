"""TCP connections: they send without delay, and an answer can break its own."""

import asyncio
import socket
import struct

from uvicorn.protocols.http.h11_impl import H11Protocol

_TRANSPORT = "transport"

# Linger for zero seconds: closing the socket resets the connection (RST) instead of ending it.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Connection(H11Protocol):
    """Uvicorn's HTTP/1.1 connection, whose requests know their transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Prepare a new connection.

        asyncio switches off Nagle's algorithm only for sockets whose protocol number is written
        out, which a listening socket made elsewhere may lack. Tokens must never wait for it.
        """
        super().connection_made(transport)
        connected: socket.socket = transport.get_extra_info("socket")
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.app_state = {**self.app_state, _TRANSPORT: transport}


def transport_of(state: dict[str, object]) -> asyncio.Transport:
    """Return the transport of a request, given its ASGI scope's state."""
    transport = state[_TRANSPORT]
    assert isinstance(transport, asyncio.Transport)
    return transport


async def cut(transport: asyncio.Transport, flush_seconds: float) -> None:
    """Break a connection in the middle of what it is doing, by a TCP reset.

    What was written before the cut is sent first.

    Args:
        transport: The connection's transport.
        flush_seconds: How long to wait for a caller that does not read.
    """
    connected: socket.socket = transport.get_extra_info("socket")
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.close()
    await asyncio.sleep(flush_seconds)
    transport.abort()
