"""Paths of operations: what may stand in them, and how they are written into URLs."""

import re
from urllib.parse import quote

from core.openapi.nodes import Node, join
from core.openapi.operation import Parameter
from core.openapi.servers import is_dot_segment

_LONGEST_PATH = 2_048
# What may stand in a path as it is (RFC 3986, section 3.3), and what is already encoded.
_PATH_SAFE = "/!$&'()*+,;=:@%"
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def check_path(node: Node, path: str) -> None:
    """Check that requests can be made of a path.

    Raises:
        InvalidDocument: they cannot.
    """
    if not path.startswith("/"):
        raise node.mistake("must be a path that starts with a slash")
    if len(path) > _LONGEST_PATH:
        raise node.mistake(f"must be at most {_LONGEST_PATH:,} characters long")
    literal = _PLACEHOLDER.sub("", path)
    if any(character in "{}" for character in literal):
        raise node.mistake("has a brace without its counterpart")
    if any(character in "?#\\" or not character.isprintable() for character in literal):
        raise node.mistake("must not have a query, a fragment, a backslash or control characters")
    if re.search(r"%(?![0-9A-Fa-f]{2})", literal):
        raise node.mistake("has a % that is not followed by two hexadecimal digits")
    if any(is_dot_segment(segment) for segment in path.split("/")):
        raise node.mistake("must not have . or .. in it")


def check_path_parameters(node: Node, path: str, parameters: tuple[Parameter, ...]) -> None:
    """Check that an operation describes the parameters of its path, and no others.

    Raises:
        InvalidDocument: it does not.
    """
    placeholders = _PLACEHOLDER.findall(path)
    described = [parameter.name for parameter in parameters if parameter.location == "path"]
    for name in placeholders:
        if name not in described:
            raise Node(None, join(node.path, "parameters")).mistake(
                f"does not describe the path parameter {name!r}"
            )
    for name in described:
        if name not in placeholders:
            raise Node(None, join(node.path, "parameters")).mistake(
                f"describes the path parameter {name!r}, which is not in the path"
            )


def encoded_path(path: str) -> str:
    """Return the path with its literal parts percent-encoded and its placeholders as they are."""
    pieces = re.split(r"(\{[^{}]+\})", path)
    return "".join(
        piece if index % 2 else quote(piece, safe=_PATH_SAFE) for index, piece in enumerate(pieces)
    )
