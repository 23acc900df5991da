"""OpenAPI documents as texts: JSON or YAML, from a request or from where they are published."""

from json import JSONDecodeError
from typing import Final

from adapters.yaml_reader import BadYaml, read_yaml
from core.strict_json import MAX_DEPTH, parse_json

MAX_BYTES: Final = 16_000_000
# YAML takes twenty times as long to read as JSON.
MAX_YAML_CHARACTERS: Final = 6_000_000


class BadDocument(ValueError):
    """The document cannot be got or read.

    Args:
        problem: completes the sentence "the document …"; it repeats nothing of document or URL.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def read_document(text: str) -> dict[str, object]:
    """Return the document that a text spells: JSON if it begins with a brace, else YAML.

    Raises:
        BadDocument: it is neither, or it is no object.
    """
    text = text.removeprefix("\ufeff")
    value = _read_json(text) if text.lstrip()[:1] == "{" else _read_yaml(text)
    if not isinstance(value, dict):
        raise BadDocument("must be an object")
    return value


def decoded(data: bytes) -> str:
    """Return the text of a document's bytes, which are UTF-8.

    Raises:
        BadDocument: they are not.
    """
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise BadDocument("is not text in UTF-8") from None


def _read_json(text: str) -> object:
    try:
        return parse_json(text)
    except JSONDecodeError as error:
        if not error.doc:
            raise BadDocument(
                f"is not JSON that can be stored, or is nested more than {MAX_DEPTH} levels deep"
            ) from None
        raise BadDocument(f"is not JSON (line {error.lineno}, column {error.colno})") from None


def _read_yaml(text: str) -> object:
    if len(text) > MAX_YAML_CHARACTERS:
        raise BadDocument(f"is YAML of more than {MAX_YAML_CHARACTERS:,} characters: use JSON")
    try:
        return read_yaml(text)
    except BadYaml as mistake:
        raise BadDocument(str(mistake)) from None
