"""The tool calls that a user asks for in plain words: `use get_weather with {"city": "Oslo"}`."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from infra.local.scripted_model.chat_request import ChatRequest, ForcedTool
from infra.local.scripted_model.conversation import Exchange
from infra.local.scripted_model.schema_values import make_arguments

_MOST_BRACES = 20

# The names stand in the pattern, so that a tool may itself be called "tool" or "the".
_WISH = (
    r"(?i:(?<!not )(?<!n't )(?<!never )\buse\s+(?:the\s+)?(?:(?:tool|function)\s+)?)"
    r"[`'\"]?(?P<name>NAMES)(?![A-Za-z0-9_-])[`'\"]?(?i:(?P<with>\s+with\s*(?=\{)))?"
)


@dataclass(frozen=True, slots=True)
class Wish:
    """A tool that the user wants to be called.

    Attributes:
        name: The tool's name.
        arguments: The arguments that the user gave; None if there are none.
        readable: False if what follows `with` is not a JSON object.
    """

    name: str
    arguments: dict[str, object] | None = None
    readable: bool = True


def find_wishes(request: ChatRequest, text: str) -> list[Wish]:
    """Find the wishes in a text that name a tool which the request offers and allows."""
    if request.tool_choice == "none" or not request.offered:
        return []
    names = "|".join(map(re.escape, request.offered))
    return list(_scan(re.compile(_WISH.replace("NAMES", names)), text))


def _scan(pattern: re.Pattern[str], text: str) -> Iterator[Wish]:
    position = 0
    while found := pattern.search(text, position):
        position = found.end()
        if found["with"] is None:
            yield Wish(found["name"])
            continue
        decoded = _decode_object(text, position)
        if decoded is None:
            yield Wish(found["name"], readable=False)
            continue
        # The search goes on behind the JSON: what its strings say is not a wish.
        arguments, position = decoded
        yield Wish(found["name"], arguments)


def choose_calls(request: ChatRequest, exchange: Exchange) -> list[Wish]:
    """Decide which tools to call now.

    Wishes are granted once, before the first result; one at a time if the request forbids parallel
    calls. A forced tool is called in any case.

    Args:
        request: The request, with its tools and its tool choice.
        exchange: The last user message and what followed it.

    Returns:
        The calls to make, each with arguments; empty if the answer is a text.
    """
    wishes = find_wishes(request, exchange.text)
    choice = request.tool_choice
    if isinstance(choice, ForcedTool):
        return [_complete(request, _forced(choice.function.name, wishes, exchange.text))]
    if not all(wish.readable for wish in wishes):
        wishes = []
    if request.parallel_tool_calls is False:
        wishes = wishes[len(exchange.results) :][:1]
    elif exchange.results:
        wishes = []
    if not wishes and choice == "required":
        wishes = [Wish(name) for name in list(request.offered)[:1]]
    return [_complete(request, wish) for wish in wishes]


def _forced(name: str, wishes: list[Wish], text: str) -> Wish:
    for wish in wishes:
        if wish.name == name:
            return wish
    return Wish(name, _find_object(text))


def _complete(request: ChatRequest, wish: Wish) -> Wish:
    if wish.arguments is not None:
        return wish
    return Wish(wish.name, make_arguments(request.offered[wish.name].parameters))


def _find_object(text: str) -> dict[str, object] | None:
    """Return the first JSON object in a text."""
    braces = [match.start() for match in re.finditer(r"\{", text)]
    for brace in braces[:_MOST_BRACES]:  # bounded, because each attempt may read the whole text
        decoded = _decode_object(text, brace)
        if decoded is not None:
            return decoded[0]
    return None


def _decode_object(text: str, start: int) -> tuple[dict[str, object], int] | None:
    """Read the JSON object that begins at a brace; return it and where it ends."""
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return (value, end) if isinstance(value, dict) else None
