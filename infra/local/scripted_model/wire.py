"""Answers in the shapes of OpenAI's chat completions, streamed and whole."""

import json
from dataclasses import asdict, dataclass

from infra.local.scripted_model.reply import Reply, Usage

DONE = b"data: [DONE]\n\n"
GARBAGE = b'data: {"id": "chatcmpl-\n\n'
BROKEN_BODY = b'{"id": "chatcmpl-'

MODEL = "scripted-model"
MODEL_CREATED = 1_767_225_600  # the first second of 2026, UTC
NOTICE = (
    "This is ThreadRunner's scripted model server. It is not a language model: it streams prepared "
    "text and follows the script that a message carries."
)

_FINGERPRINT = "fp_scripted"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all parts of one answer have in common.

    Attributes:
        completion_id: The answer's id.
        created: When it began: epoch seconds.
        model: The model that the request named.
        wants_usage: Whether the request asked for the usage of a stream.
    """

    completion_id: str
    created: int
    model: str
    wants_usage: bool

    def chunk(self, fields: dict[str, object], finish_reason: str | None = None) -> bytes:
        """Write a chunk with one choice as a server-sent event."""
        choice = {"index": 0, "delta": fields, "logprobs": None, "finish_reason": finish_reason}
        return self._event([choice], None)

    def finish(self, reply: Reply) -> list[bytes]:
        """Write what ends a stream: the finish reason, the usage if it is wanted, `[DONE]`."""
        ending = [self.chunk({}, reply.finish)]
        if self.wants_usage and reply.usage is not None:
            ending.append(self._event([], reply.usage))
        return [*ending, DONE]

    def completion(self, reply: Reply) -> bytes:
        """Write a whole answer as JSON."""
        body = self._head("chat.completion")
        body["choices"] = [
            {
                "index": 0,
                "message": _message(reply),
                "logprobs": None,
                "finish_reason": reply.finish,
            }
        ]
        if reply.usage is not None:
            body["usage"] = _usage(reply.usage)
        return encode(body)

    def _event(self, choices: list[dict[str, object]], usage: Usage | None) -> bytes:
        body = self._head("chat.completion.chunk")
        body["choices"] = choices
        if self.wants_usage:
            body["usage"] = None if usage is None else _usage(usage)
        return b"data: " + encode(body) + b"\n\n"

    def _head(self, kind: str) -> dict[str, object]:
        return {
            "id": self.completion_id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "service_tier": "default",
            "system_fingerprint": _FINGERPRINT,
        }


def describe_model() -> dict[str, object]:
    """Return the one model that there is, which says what it is not."""
    return {
        "id": MODEL,
        "object": "model",
        "created": MODEL_CREATED,
        "owned_by": "threadrunner",
        "description": NOTICE,
    }


def encode(value: object) -> bytes:
    """Write JSON as UTF-8; what UTF-8 cannot express (lone surrogates) is escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def _message(reply: Reply) -> dict[str, object]:
    message: dict[str, object] = {
        "role": "assistant",
        "content": "".join(reply.text) if reply.text else None,
        "refusal": "".join(reply.refusal) if reply.refusal else None,
        "annotations": [],
    }
    if not (reply.text or reply.refusal or reply.calls):
        message["content"] = ""
    if reply.calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in reply.calls
        ]
    return message


def _usage(usage: Usage) -> dict[str, object]:
    return {
        **asdict(usage),
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
