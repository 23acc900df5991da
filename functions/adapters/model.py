"""The model, through the `openai` package: any OpenAI-compatible endpoint."""

from collections.abc import Iterator, Mapping
from typing import Any

import openai
from openai import OpenAI, Stream
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

from adapters.secrets import SecretValue
from core.model import CallFragment, ModelChunk, ModelFailure, ModelRequest
from core.schema.runs import Usage

CONNECT_SECONDS = 10.0
# What the package takes by name; it sends other parameters only as `extra_body`.
_KNOWN = CompletionCreateParamsBase.__required_keys__ | CompletionCreateParamsBase.__optional_keys__
_RETRYABLE_STATUSES = frozenset({408, 409, 425, 429, 529})


class OpenAIModel:
    """A model behind an OpenAI-compatible endpoint.

    Args:
        base_url: the endpoint, ending in `/v1` as a rule.
        key: the endpoint's API key.
        idle_seconds: the longest silence within an answer.
    """

    def __init__(self, base_url: str, key: SecretValue, idle_seconds: float) -> None:
        # Retries are the runner's: it knows what was said already and how much time is left.
        self._client = OpenAI(
            base_url=base_url,
            api_key=key.get,
            max_retries=0,
            timeout=openai.Timeout(
                connect=CONNECT_SECONDS, read=idle_seconds, write=30.0, pool=CONNECT_SECONDS
            ),
        )

    def stream(self, request: ModelRequest) -> "OpenAIStream":
        """Start an answer.

        Raises:
            ModelFailure: the endpoint refused the request, or cannot be reached.
        """
        arguments: dict[str, Any] = {"model": request.model, "messages": request.messages}
        if request.tools:
            arguments["tools"] = request.tools
        known, further = _split(request.parameters)
        try:
            stream: Stream[ChatCompletionChunk] = self._client.chat.completions.create(
                stream=True,
                stream_options={"include_usage": True},
                extra_body=further,
                **arguments | known,
            )
        except openai.OpenAIError as error:
            raise failure_of(error) from None
        return OpenAIStream(stream)


def _split(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters that the package knows, and those that only the endpoint knows."""
    known = {name: value for name, value in parameters.items() if name in _KNOWN}
    return known, {name: value for name, value in parameters.items() if name not in _KNOWN}


class OpenAIStream:
    """An answer that is arriving.

    Args:
        stream: the package's stream.
    """

    def __init__(self, stream: Stream[ChatCompletionChunk]) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[ModelChunk]:
        try:
            for chunk in self._stream:
                yield read_chunk(chunk)
        except openai.OpenAIError as error:
            raise failure_of(error) from None
        except (ValueError, TypeError, AttributeError):
            # A chunk that is not JSON, or not of the shape that the package expects.
            raise ModelFailure("The model sent a malformed chunk.", retryable=True) from None

    def close(self) -> None:
        """Stop the answer."""
        self._stream.close()


def read_chunk(chunk: ChatCompletionChunk) -> ModelChunk:
    """Return what a chunk says; whatever a provider leaves out is nothing."""
    usage = chunk.usage
    counted = (
        Usage(
            prompt_tokens=usage.prompt_tokens or 0,
            completion_tokens=usage.completion_tokens or 0,
            total_tokens=usage.total_tokens or 0,
        )
        if usage is not None
        else None
    )
    if not chunk.choices:
        return ModelChunk(usage=counted)
    choice = chunk.choices[0]
    delta = choice.delta
    calls = tuple(
        CallFragment(
            index=call.index,
            id=call.id,
            name=call.function.name if call.function else None,
            arguments=call.function.arguments if call.function else None,
        )
        for call in delta.tool_calls or ()
    )
    return ModelChunk(delta.content, delta.refusal, calls, choice.finish_reason, counted)


def failure_of(error: openai.OpenAIError) -> ModelFailure:
    """Return what an error of the package means, without the provider's prose.

    A provider's message may repeat the request, or a part of the key: only its status and its
    machine-readable code are passed on.
    """
    if isinstance(error, openai.APITimeoutError):
        return ModelFailure("The model did not answer in time.", retryable=True)
    if isinstance(error, openai.APIConnectionError):
        return ModelFailure(
            "The model cannot be reached. Check the model's base URL and that it is up.",
            retryable=True,
        )
    if isinstance(error, openai.APIStatusError):
        return _status_failure(error)
    return ModelFailure("The model reported an error in its answer.", retryable=True)


def _status_failure(error: openai.APIStatusError) -> ModelFailure:
    status = error.status_code
    code = f", {error.code}" if error.code and str(error.code).isidentifier() else ""
    what = f"The model's endpoint answered HTTP {status}{code}."
    if status == 429:
        final = error.code == "insufficient_quota"
        return ModelFailure(
            what,
            code="rate_limit_exceeded",
            retryable=not final,
            retry_after=_retry_after(error.response.headers),
        )
    if status >= 500 or status in _RETRYABLE_STATUSES:
        return ModelFailure(what, retryable=True, retry_after=_retry_after(error.response.headers))
    if status in (401, 403):
        return ModelFailure(f"{what} Check the model key and what it may use.")
    if status == 404:
        return ModelFailure(f"{what} Check the model's name and its base URL.")
    return ModelFailure(what, code="invalid_prompt")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None
