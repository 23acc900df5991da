"""How much of its threads an assistant remembers, as its metadata says under the key `memory`.

OpenAI's metadata is texts by names, and clients check that: the configuration is stored and shown
as JSON text. A text that is no JSON object of a known `type` is somebody's own metadata.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, ValidationError

from core.schema.common import RequestModel

MEMORY_KEY: Final = "memory"
MemoryType = Literal["naive", "window", "zero"]


class Memory(RequestModel):
    """A memory strategy.

    Attributes:
        type: `naive` tells the model whatever fits; `window` the newest messages; `zero` only what
            came from the last user message on.
        window_size: how many messages a window holds.
        max_token_size: how many tokens those messages may have.
    """

    type: MemoryType
    window_size: Annotated[int, Field(ge=1)] = 20
    max_token_size: Annotated[int, Field(ge=1)] = 4000


def as_texts(metadata: object) -> object:
    """Return an assistant's metadata with a memory that was sent as an object as JSON text.

    Whatever else is not a text is left for the caller to refuse.
    """
    if not isinstance(metadata, dict) or not _has_known_type(metadata.get(MEMORY_KEY)):
        return metadata
    memory = metadata[MEMORY_KEY]
    return metadata | {MEMORY_KEY: json.dumps(memory, ensure_ascii=False, separators=(",", ":"))}


def memory_fields(metadata: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the memory in an assistant's metadata as it was written; None if there is none."""
    with suppress(ValueError, RecursionError):
        fields = json.loads(metadata.get(MEMORY_KEY, ""))
        if _has_known_type(fields):
            found: dict[str, Any] = fields
            return found
    return None


def memory_of(metadata: Mapping[str, str]) -> Memory | None:
    """Return the memory in an assistant's metadata; None if there is none that can be read."""
    fields = memory_fields(metadata)
    if fields is None:
        return None
    try:
        return Memory.model_validate(fields)
    except ValidationError:
        # Written before anybody looked at it: then it is metadata like any other.
        return None


def _has_known_type(value: object) -> bool:
    return isinstance(value, dict) and value.get("type") in get_args(MemoryType)
