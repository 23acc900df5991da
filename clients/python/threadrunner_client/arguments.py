"""What callers ask of a client, checked before anything is sent."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from threadrunner_client.messages import LARGEST_MESSAGE, Creation, create
from threadrunner_client.ordering import EventId
from threadrunner_client.reading import STOPS, Until

_REQUEST_ID_ROOM = 100


def check_target(
    thread_id: str, run_id: str | None, after: str | None
) -> tuple[tuple[str, str | None], EventId | None]:
    """Return what is to be followed, and from where on.

    Raises:
        ValueError: an argument makes no sense.
    """
    if not thread_id or run_id == "":
        raise ValueError("An empty id was given.")
    if after is not None and run_id is None:
        raise ValueError("`after` needs a run_id: ids of events count per run.")
    return (thread_id, run_id), None if after is None else EventId.parse(after)


def check_until(until: Until | None, default: Until) -> Until:
    """Return where loops end.

    Raises:
        ValueError: there is no such place.
    """
    if until is None:
        return default
    if until not in STOPS:
        raise ValueError(f"until is {until!r}, which is none of {', '.join(STOPS)}.")
    return until


def check_creation(
    thread_id: str | None, run: Mapping[str, Any], idempotency_key: str | None
) -> Creation:
    """Return what is to be created, as it is now: later changes of `run` have no effect.

    Raises:
        ValueError: an id or the key is empty, or the request is too large for the gateway.
        TypeError: `run` has values that JSON does not have.
    """
    if thread_id == "" or idempotency_key == "":
        raise ValueError("An empty id or key was given.")
    body: dict[str, Any] = json.loads(json.dumps(dict(run), allow_nan=False))
    creation = Creation(thread_id, body, idempotency_key or secrets.token_hex(16))
    size = len(create(creation, request_id=""))
    if size > LARGEST_MESSAGE - _REQUEST_ID_ROOM:
        raise ValueError(
            f"The request has {size} bytes, and the gateway takes {LARGEST_MESSAGE}: create the "
            "run over HTTP, and subscribe to it."
        )
    return creation
