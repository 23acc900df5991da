"""Whether a server answers."""

import time
from collections.abc import Callable

import httpx

_PAUSE_SECONDS = 0.1
_TIMEOUT_SECONDS = 5.0


def answers(url: str, key: str = "") -> bool:
    """Whether a GET of `url`, on this machine, succeeds soon.

    Args:
        url: What to get.
        key: A key to show, if one is needed.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx.Client(trust_env=False, timeout=_TIMEOUT_SECONDS) as client:
            return client.get(url, headers=headers).is_success
    except httpx.HTTPError:
        return False


def wait_until(condition: Callable[[], bool], *, seconds: float, alive: Callable[[], bool]) -> bool:
    """Wait until a condition holds.

    Args:
        condition: What is waited for.
        seconds: For how long at most.
        alive: Whether waiting still makes sense.

    Returns:
        Whether the condition held in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline or not alive():
            return False
        time.sleep(_PAUSE_SECONDS)
    return True
