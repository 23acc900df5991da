"""What backends answer to `GET /models`, read into OpenAI's shape.

All claim to be compatible, and few are: fields are missing, times are fractions or texts, lists are
null or stand alone. What a client needs is the id; whatever else cannot be read gets a default.
"""

import math
from collections.abc import Mapping

from pydantic import ValidationError

from core.schema.models import Model

UNKNOWN_OWNER = "unknown"


class NotAList(Exception):
    """What the backend sent is no list of models."""


def read_models(listing: object) -> tuple[Model, ...]:
    """Return the models of a list, in its order and each once.

    Entries without a usable id are left out.

    Args:
        listing: the parsed answer: OpenAI's `{"data": […]}`, or the list alone.

    Raises:
        NotAList: it is neither.
    """
    found: dict[str, Model] = {}
    for entry in _entries(listing):
        model = _read_model(entry)
        if model is not None:
            found.setdefault(model.id, model)
    return tuple(found.values())


def _entries(listing: object) -> list[object]:
    if isinstance(listing, Mapping) and "data" in listing:
        # Some say null where they have none.
        listing = [] if listing["data"] is None else listing["data"]
    if not isinstance(listing, list):
        raise NotAList
    return listing


def _read_model(entry: object) -> Model | None:
    if not isinstance(entry, Mapping):
        return None
    try:
        return Model(
            id=entry.get("id"),
            created=_seconds(entry.get("created")),
            owned_by=_owner(entry.get("owned_by")),
        )
    except ValidationError:
        return None


def _seconds(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return max(0, int(value)) if math.isfinite(value) else 0


def _owner(value: object) -> str:
    # Half a character is not printable either: it could not be sent on.
    return value if isinstance(value, str) and value and value.isprintable() else UNKNOWN_OWNER
