"""One boto3 client a service for all tests: making one costs more than most tests do with it."""

from typing import Any, Final

import boto3

_make: Final = boto3.client
_made: Final[dict[str, Any]] = {}


def shared_client(service: str, **options: Any) -> Any:
    """Return a client like `boto3.client` does; the same one for the same options.

    moto answers any client while it is active, with what was stored since then.
    """
    config = options.get("config")
    key = repr((service, sorted({**options, "config": config and vars(config)}.items())))
    if key not in _made:
        _made[key] = _make(service, **options)  # type: ignore[call-overload]
    return _made[key]
