"""The memory strategy in an assistant's metadata, checked before it is stored."""

from collections.abc import Mapping

from pydantic import ValidationError

from api.validation import invalid_request
from core.memory import MEMORY_KEY, Memory, memory_fields


def check_memory(metadata: Mapping[str, str] | None) -> None:
    """Check the memory strategy in an assistant's metadata, if there is one.

    Raises:
        InvalidRequest: one of its fields is wrong: the error names it, `metadata.memory.…`.
    """
    fields = memory_fields(metadata or {})
    if fields is None:
        return
    try:
        Memory.model_validate(fields)
    except ValidationError as error:
        place = ("body", "metadata", MEMORY_KEY)
        mistakes = [{**mistake, "loc": (*place, *mistake["loc"])} for mistake in error.errors()]
        raise invalid_request(mistakes, {"metadata": {MEMORY_KEY: fields}}) from None
