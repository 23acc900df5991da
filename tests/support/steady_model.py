"""A model that says the same to the same question, however often a step is tried."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest

from core.model import ModelChunk, ModelFailure, ModelRequest
from runner.chunk_source import ChunkSource

Says = Sequence[ModelChunk | ModelFailure]


@dataclass(frozen=True, slots=True)
class Aside(ModelChunk):
    """Says nothing, and has something happen when the runner takes it: on the runner's thread."""

    happen: Callable[[], object] = lambda: None


class SteadyModel:
    """Answers by what was said.

    Attributes:
        asked: how often it was asked.

    Args:
        turns: by the last user message: what is said first, and after each round of calls.
    """

    def __init__(self, turns: Mapping[str, Sequence[Says]]) -> None:
        self.turns = turns
        self.asked = 0

    def stream(self, request: ModelRequest) -> "SteadyStream":
        """Say what is to be said here; a failure at the beginning is raised at once."""
        self.asked += 1
        question, rounds = "", 0
        for message in request.messages:
            if message["role"] == "user":
                question, rounds = str(message["content"]), 0
            rounds += bool(message.get("tool_calls"))
        says = self.turns[question][rounds]
        if says and isinstance(says[0], ModelFailure):
            raise says[0]
        return SteadyStream(says)


class SteadyStream:
    """An answer that arrives."""

    def __init__(self, says: Says) -> None:
        self._says = says

    def __iter__(self) -> Iterator[ModelChunk]:
        for say in self._says:
            if isinstance(say, ModelFailure):
                raise say
            yield say

    def close(self) -> None:
        """Nothing to stop."""


def take_one_by_one(patch: pytest.MonkeyPatch) -> None:
    """Have the runner take one chunk at a time, so that an answer is always written alike."""

    def take(source: ChunkSource) -> list[ModelChunk]:
        if not source._chunks:
            return []
        chunk = source._chunks.popleft()
        if isinstance(chunk, Aside):
            chunk.happen()
            return []
        return [chunk]

    patch.setattr(ChunkSource, "take", take)
