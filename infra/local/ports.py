"""Which ports on 127.0.0.1 the stack's servers listen on."""

import socket

from infra.local.errors import StackError

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of 127.0.0.1 right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a connection that has just ended does not block its port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose_port(preferred: int | None) -> int:
    """Return `preferred` if it is free, else any free port."""
    if preferred is not None and is_free(preferred):
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def require_port(port: int) -> int:
    """Return `port`, which the user asked for.

    Raises:
        StackError: Another program listens on it.
    """
    if not is_free(port):
        raise StackError(
            f"Port {port} is in use: choose another with THREADRUNNER_PORT or --port, "
            "or leave both out to take any free one."
        )
    return port
