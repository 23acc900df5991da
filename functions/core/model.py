"""What the core and a model say to each other: a request, chunks of an answer, and ways to fail."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from core.schema.runs import RunErrorCode, Usage


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One call of the model, in the terms of the chat completions API.

    `parameters` holds only what was given, so a model's own defaults stay in force and a zero is
    passed on as a zero.
    """

    model: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CallFragment:
    """A piece of a tool call, as providers stream them: any field may be missing or empty."""

    index: int | None = None
    id: str | None = None
    name: str | None = None
    arguments: str | None = None


@dataclass(frozen=True, slots=True)
class ModelChunk:
    """A piece of the model's answer."""

    text: str | None = None
    refusal: str | None = None
    calls: tuple[CallFragment, ...] = ()
    finish_reason: str | None = None
    usage: Usage | None = None


class ModelFailure(Exception):
    """The model did not answer, or not to the end.

    Args:
        message: what happened, without the request's or the answer's contents.
        code: the `last_error.code` that the run gets if this is final.
        retryable: whether the same request may succeed later.
        retry_after: seconds that the provider asks to wait, if it does.
    """

    def __init__(
        self,
        message: str,
        *,
        code: RunErrorCode = "server_error",
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code: RunErrorCode = code
        self.retryable = retryable
        self.retry_after = retry_after


class ModelStream(Protocol):
    """An answer that is arriving."""

    def __iter__(self) -> Iterator[ModelChunk]:
        """Yield chunks until the answer ends.

        Raises:
            ModelFailure: the answer broke off.
        """
        ...

    def close(self) -> None:
        """Stop the answer; may be called from another thread."""
        ...


class ModelClient(Protocol):
    """A model behind an OpenAI-compatible endpoint."""

    def stream(self, request: ModelRequest) -> ModelStream:
        """Start an answer.

        Raises:
            ModelFailure: the model refused the request, or cannot be reached.
        """
        ...
