"""How many tokens a text is: an estimate, since every model has a tokenizer of its own.

Tokenizers cut text into pieces before they merge bytes: short words with what stands before them,
up to three digits, punctuation, line breaks. The pieces are counted as such; scripts without them
are weighed by the character. The weights were fitted to OpenAI's o200k_base vocabulary: English,
source code, Chinese, Japanese, Korean and emoji come out within 20 percent of it.
"""

import json
import math
import re
from collections.abc import Sequence
from typing import Any, Final

_PIECE: Final = re.compile(
    r"[-._/('\"]?[A-ZÀ-ÖØ-Þ]?[a-zß-öø-ɏ]{1,9}"  # a word, or the beginning of a long one
    r"|[A-Z]{1,4}|[À-ÖØ-Þ]|_"
    r"|[0-9]{1,3}"
    r"|[^\w\s]{1,4}\n{0,8}"  # punctuation takes the line break along
    r"|\n{1,8}|[^\S\n]{2,64}",  # a single space belongs to the word that follows it
    re.ASCII,
)
_BEYOND_LATIN: Final = re.compile(r"[^\x00-\u024f]+")
_WEIGHTS: Final = (
    (re.compile(r"[À-ɏ]"), 0.4),  # letters with marks break words up
    (re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]"), 0.72),
    (re.compile(r"[\U00010000-\U0010ffff]"), 1.5),  # emoji
    (re.compile(r"[\u2000-\u2bff]"), 1.0),  # typographic marks, arrows, symbols
    # Greek, Cyrillic, Arabic, the scripts of India, Thai, …
    (re.compile(r"[\u0250-\u1fff\u2c00-\u2fff\u3100-\u33ff\ua000-\uabff\ud7b0-\ufeff]"), 0.33),
)

# What the chat format adds: https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken
# (three tokens a message and its role; three that prompt the answer; the ends of tools).
MESSAGE_TOKENS: Final = 4
_ANSWER_TOKENS: Final = 3
_TOOL_TOKENS: Final = 7
_TOOLS_TOKENS: Final = 12
# https://platform.openai.com/docs/guides/images-vision: 85 at low detail; else 170 more for each
# tile of 512 pixels. Six tiles are a wide image: a photograph has four.
LOW_IMAGE_TOKENS: Final = 85
IMAGE_TOKENS: Final = 85 + 6 * 170


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text is; takes time in proportion to its length."""
    tokens = float(len(_PIECE.findall(_BEYOND_LATIN.sub(" ", text))))
    if not text.isascii():
        tokens += sum(weight * len(kind.findall(text)) for kind, weight in _WEIGHTS)
    return math.ceil(tokens)


def image_tokens(detail: str) -> int:
    """Return what an image costs, by the detail in which the model shall look at it."""
    return LOW_IMAGE_TOKENS if detail == "low" else IMAGE_TOKENS


def request_tokens(
    turns: Sequence[dict[str, Any]],
    tools: Sequence[dict[str, Any]],
    response_format: dict[str, Any] | None = None,
) -> int:
    """Return what a request in the terms of the chat completions API costs.

    Args:
        turns: its messages.
        tools: its tools; their schemas are a part of the prompt.
        response_format: its format of the answer, likewise.
    """
    tokens = _ANSWER_TOKENS + sum(_turn_tokens(turn) for turn in turns)
    if tools:
        tokens += _TOOLS_TOKENS
        tokens += sum(_TOOL_TOKENS + _json_tokens(tool.get("function", tool)) for tool in tools)
    if response_format is not None:
        tokens += _json_tokens(response_format)
    return tokens


def _turn_tokens(turn: dict[str, Any]) -> int:
    content = turn.get("content") or ""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    tokens = MESSAGE_TOKENS + sum(_part_tokens(part) for part in parts)
    for call in turn.get("tool_calls", ()):
        function = call["function"]
        tokens += _TOOL_TOKENS
        tokens += estimate_tokens(function["name"]) + estimate_tokens(function["arguments"])
    return tokens


def _part_tokens(part: dict[str, Any]) -> int:
    if part["type"] == "image_url":
        return image_tokens(part["image_url"]["detail"])
    return estimate_tokens(part["text"])


def _json_tokens(value: object) -> int:
    return estimate_tokens(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
