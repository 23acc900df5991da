"""What the model says when no script tells it what to say."""

import json
import zlib
from collections.abc import Callable, Sequence

from infra.local.scripted_model.chat_request import ChatRequest
from infra.local.scripted_model.conversation import Exchange, ToolResult
from infra.local.scripted_model.reply import Call, Content
from infra.local.scripted_model.schema_values import make_value
from infra.local.scripted_model.tokens import split_text
from infra.local.scripted_model.wishes import choose_calls, find_wishes

DISCLOSURE = (
    "I am ThreadRunner's scripted model: a stand-in for local development, not a language model."
)

_LONGEST_QUOTE = 60
_LONGEST_RESULT = 400

_GREETINGS = (
    "Thank you for your message!",
    "It is good to hear from you.",
    "Happy to answer, in my own small way.",
    "Your words arrived safely.",
    "What a fine message to receive.",
)
_CLOSINGS = (
    "Even so, every word of this came to you as a token of its own, at a steady pace.",
    "Still, the way these words took is the real one: queue, runner, event log and push.",
    "I cannot know the answer, but I can show you how one arrives, token by token.",
    "Connect a real model, and it will speak to you through exactly these channels.",
)


def answer_plainly(request: ChatRequest, exchange: Exchange, new_id: Callable[[], str]) -> Content:
    """Answer the last user message without a script.

    The same request always gets the same answer, up to the calls' ids.

    Args:
        request: The request.
        exchange: Its last user message and what followed it.
        new_id: Makes the id of a call.
    """
    wishes = choose_calls(request, exchange)
    if wishes:
        return Content(calls=tuple(Call(new_id(), w.name, _dump(w.arguments)) for w in wishes))
    text = _report(exchange.results) if exchange.results else _small_talk(request, exchange.text)
    return Content(text=split_text(_format(request, text)))


def _format(request: ChatRequest, text: str) -> str:
    """Give the answer the form that the request demands."""
    wanted = request.response_format
    if wanted is None or wanted.type == "text":
        return text
    schema = (wanted.json_schema or {}).get("schema")
    if wanted.type == "json_schema" and isinstance(schema, dict):
        return _dump(make_value(schema))
    return _dump({"answer": text, "scripted": True})


def _report(results: Sequence[ToolResult]) -> str:
    lines = [f"{result.name} returned: {_read_out(result.content)}" for result in results]
    heading = "The tool has answered." if len(lines) == 1 else "The tools have answered."
    return "\n\n".join([heading, *lines, DISCLOSURE])


def _read_out(content: str) -> str:
    """Write a tool's result as a person would want to read it."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = content
    if isinstance(value, dict):
        text = ", ".join(f"{name}: {_phrase(item)}" for name, item in value.items())
    elif isinstance(value, list):
        text = ", ".join(map(_phrase, value))
    else:
        text = _phrase(value)
    return _shorten(text or "nothing", _LONGEST_RESULT)


def _phrase(value: object) -> str:
    return value if isinstance(value, str) else _dump(value)


def _small_talk(request: ChatRequest, text: str) -> str:
    # A checksum varies with the input and not, as hash() does, with the process.
    variety = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    sentences = [
        _GREETINGS[variety % len(_GREETINGS)],
        DISCLOSURE,
        _echo(text),
        _CLOSINGS[variety // len(_GREETINGS) % len(_CLOSINGS)],
        *_hints(request, text),
    ]
    return " ".join(sentences)


def _echo(text: str) -> str:
    words = text.split()
    if not words:
        return "You wrote nothing that I could quote."
    count = "one word" if len(words) == 1 else f"{len(words)} words"
    return f'You wrote {count}: "{_shorten(" ".join(words), _LONGEST_QUOTE)}".'


def _hints(request: ChatRequest, text: str) -> list[str]:
    broken = [wish.name for wish in find_wishes(request, text) if not wish.readable]
    if broken:
        return [f"I called nothing: what follows 'use {broken[0]} with' is not a JSON object."]
    if request.offered and request.tool_choice != "none":
        name = next(iter(request.offered))
        return [f"If you write 'use {name} with' and a JSON object, I call that tool."]
    return []


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
