"""Names and descriptions of functions for a model, in the form that the API requires of them."""

import re

_LONGEST_NAME = 64  # of [a-zA-Z0-9_-]
_LONGEST_DESCRIPTION = 1_024


def function_name(operation_id: str, method: str, path: str, taken: set[str]) -> str:
    """Return a name that is not taken, and take it.

    Args:
        operation_id: the document's own name of the operation; "" if it gives none.
        method: its HTTP method, for want of a name.
        path: its path, for want of a name.
        taken: the names of the document's earlier operations; the new one is added.
    """
    wanted = _cleaned(operation_id) or _cleaned(f"{method.lower()}_{path.strip('/')}")
    name, number = wanted[:_LONGEST_NAME], 1
    while name in taken:
        number += 1
        ending = f"_{number}"
        name = wanted[: _LONGEST_NAME - len(ending)] + ending
    taken.add(name)
    return name


def cut(description: str) -> str:
    """Return the description, cut to 1,024 characters."""
    if len(description) <= _LONGEST_DESCRIPTION:
        return description
    return description[: _LONGEST_DESCRIPTION - 1] + "…"


def _cleaned(text: str) -> str:
    if re.fullmatch(r"[a-zA-Z0-9_-]+", text):
        return text
    return re.sub(r"[^a-zA-Z0-9_-]+", "_", text).strip("_")
