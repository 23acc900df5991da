"""The application behind a real web server, for what shows only over a connection."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn

from api.app import create_app
from wiring.bootstrap import ApiContext


@contextmanager
def served(context: ApiContext, key: str, *, patience_seconds: float) -> Iterator[httpx.Client]:
    """Serve the application with uvicorn; yield a client of it.

    Args:
        context: the API's parts.
        key: a project's, which the client sends.
        patience_seconds: how long the client waits for an answer.
    """
    config = uvicorn.Config(create_app(context), port=0, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        (port,) = {socket.getsockname()[1] for each in server.servers for socket in each.sockets}
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}/v1",
            headers={"Authorization": f"Bearer {key}"},
            trust_env=False,
            timeout=patience_seconds,
        ) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
