"""What the chunks of OpenAI-compatible endpoints say, however loosely they keep to the format.

https://platform.openai.com/docs/api-reference/chat-streaming/streaming is the format. Whatever is
missing, null or of another type is nothing; what is not in the format (`reasoning_content`, …) is
passed over.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from core.model import CallFragment, ModelChunk
from core.schema.runs import Usage

# How other providers say that an answer was cut short, in lower case: Mistral, Z.ai, and those
# that pass on the words of Anthropic's and Google's models.
_SYNONYMS: Final = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "model_length": "length",
    "refusal": "content_filter",
    "safety": "content_filter",
    "sensitive": "content_filter",
}
# The provider gave up, and the answer is not whole: DeepSeek, Mistral, OpenRouter, vLLM, Z.ai.
_BROKEN_OFF: Final = frozenset({"abort", "error", "insufficient_system_resource", "network_error"})
# Larger numbers are no counts, and no numbers that every reader of a run can read.
_MOST_TOKENS: Final = 2**53


def read_chunk(chunk: object) -> ModelChunk:
    """Return what a chunk says.

    Args:
        chunk: the chunk as it was read from JSON.

    Raises:
        ValueError: it is no object.
    """
    if not isinstance(chunk, Mapping):
        raise ValueError("a chunk is no object")
    choice = _first_choice(chunk.get("choices"))
    delta = _mapping(choice.get("delta"))
    return ModelChunk(
        text=_text(delta.get("content")),
        refusal=_text(delta.get("refusal")),
        calls=(*_calls(delta.get("tool_calls")), *_old_call(delta.get("function_call"))),
        finish_reason=_finish_reason(choice.get("finish_reason")),
        usage=_usage(chunk.get("usage")),
    )


def has_choices(chunk: object) -> bool:
    """Tell whether a chunk is a piece of the answer, or only tells of it."""
    return isinstance(chunk, Mapping) and bool(chunk.get("choices"))


def is_broken_off(finish_reason: str | None) -> bool:
    """Tell whether an answer that ends for this reason is one that the provider gave up."""
    return finish_reason in _BROKEN_OFF


def _first_choice(choices: object) -> Mapping[str, Any]:
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, Mapping) and not choice.get("index"):
            return choice
    return {}


def _calls(calls: object) -> list[CallFragment]:
    found = (_mapping(call) for call in (calls if isinstance(calls, list) else ()))
    return [
        CallFragment(_index(call.get("index")), _identifier(call.get("id")), *_called(call))
        for call in found
        if call
    ]


def _old_call(call: object) -> list[CallFragment]:
    """Return a call in the words that came before `tool_calls`: one a turn, without an id."""
    called = _mapping(call)
    return [CallFragment(None, None, *_called({"function": called}))] if called else []


def _called(call: Mapping[str, Any]) -> tuple[str | None, str | None]:
    function = _mapping(call.get("function"))
    arguments = function.get("arguments")
    if isinstance(arguments, dict | list):
        # Whole already: the arguments themselves instead of their JSON text.
        arguments = json.dumps(arguments, ensure_ascii=False)
    return _text(function.get("name")), _text(arguments)


def _text(value: object) -> str | None:
    """Return a text; Mistral's models send the parts of one in a list, thoughts among them."""
    if isinstance(value, list):
        parts = (_text(_mapping(part).get("text")) for part in value)
        return "".join(part for part in parts if part)
    return value if isinstance(value, str) else None


def _identifier(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) else None


def _index(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _finish_reason(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    return _SYNONYMS.get(value.lower(), value.lower())


def _usage(value: object) -> Usage | None:
    usage = _mapping(value)
    if not usage:
        return None
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=_count(usage.get("total_tokens")) or prompt + completion,
    )


def _count(value: object) -> int:
    return int(value) if isinstance(value, int | float) and 0 <= value < _MOST_TOKENS else 0


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
