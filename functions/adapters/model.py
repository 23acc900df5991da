"""The model, through the `openai` package: any OpenAI-compatible endpoint.

The package asks; its answer is read here, since the package's own reading takes a stream that
stops anywhere for a whole one, and chunks at their word.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import openai
from openai import OpenAI, Stream
from openai.types.chat import ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

from adapters.event_stream import read_data
from adapters.model_chunks import has_choices, is_broken_off, read_chunk
from adapters.secrets import SecretValue
from core.model import ModelChunk, ModelFailure, ModelRequest

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
        return OpenAIStream(stream.response)


def _split(parameters: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters that the package knows, and those that only the endpoint knows."""
    known = {name: value for name, value in parameters.items() if name in _KNOWN}
    return known, {name: value for name, value in parameters.items() if name not in _KNOWN}


class OpenAIStream:
    """An answer that is arriving.

    Args:
        response: the endpoint's, with its body still to come.
    """

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[ModelChunk]:
        try:
            yield from self._chunks()
        except httpx2.TimeoutException:
            raise ModelFailure("The model did not answer in time.", retryable=True) from None
        except (httpx2.HTTPError, OSError):
            raise ModelFailure("The connection to the model broke.", retryable=True) from None
        except (ValueError, RecursionError):
            raise ModelFailure("The model sent a malformed chunk.", retryable=True) from None
        finally:
            self.close()

    def close(self) -> None:
        """Stop the answer."""
        self._response.close()

    def _chunks(self) -> Iterator[ModelChunk]:
        """Yield what the chunks say, and see to it that the last of them is the answer's last.

        An answer is whole if it says so: by a reason for its end, by the usage that comes after it,
        or by `[DONE]`. Some endpoints leave out one or two of them.
        """
        begun = whole = False
        for data in read_data(self._response.iter_bytes()):
            if data.startswith("[DONE]"):
                whole = True
                break
            told = json.loads(data)
            _raise_told_error(told)
            chunk = read_chunk(told)
            if is_broken_off(chunk.finish_reason):
                raise ModelFailure("The model's provider broke its answer off.", retryable=True)
            answers = has_choices(told)
            begun = begun or answers
            whole = whole or bool(chunk.finish_reason or (chunk.usage and begun and not answers))
            yield chunk
        if not begun:
            raise ModelFailure(
                "The model's endpoint answered with no chunk of an answer. Check the model's base "
                "URL.",
                retryable=True,
            )
        if not whole:
            raise ModelFailure("The model's answer ended in the middle.", retryable=True)


def _raise_told_error(told: object) -> None:
    """Raise what an endpoint tells of a failure within its answer, if a chunk tells of one."""
    if not isinstance(told, Mapping):
        return
    # OpenAI's shape is `{"error": {…}}`; vLLM has sent the error itself.
    error = told if told.get("object") == "error" else told.get("error")
    if not error:
        return
    code = error.get("code") if isinstance(error, Mapping) else None
    if isinstance(code, int) and 400 <= code < 600:
        raise _status_failure(code, None, {})
    limited = code in ("rate_limit_exceeded", "insufficient_quota")
    raise ModelFailure(
        "The model reported an error in its answer.",
        code="rate_limit_exceeded" if limited else "server_error",
        retryable=code != "insufficient_quota",
    )


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
        return _status_failure(error.status_code, error.code, error.response.headers)
    return ModelFailure("The model's endpoint could not be asked.", retryable=True)


def _status_failure(status: int, code: str | None, headers: Mapping[str, str]) -> ModelFailure:
    shown = f", {code}" if code and str(code).isidentifier() else ""
    what = f"The model's endpoint answered HTTP {status}{shown}."
    if status in (402, 429):
        return ModelFailure(
            what,
            code="rate_limit_exceeded",
            retryable=status == 429 and code != "insufficient_quota",
            retry_after=_retry_after(headers),
        )
    if status >= 500 or status in _RETRYABLE_STATUSES:
        return ModelFailure(what, retryable=True, retry_after=_retry_after(headers))
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
