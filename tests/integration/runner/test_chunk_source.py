"""The reader's thread, and whom it wakes."""

import threading
from collections.abc import Iterator

from core.model import ModelChunk, ModelRequest
from runner.chunk_source import ChunkSource, size_of

_REQUEST = ModelRequest("m", [], [], {})
_PATIENCE_SECONDS = 60


class GatedModel:
    """Says a word, waits to be told to go on, and says another."""

    def __init__(self) -> None:
        self.said_one = threading.Event()
        self.go_on = threading.Event()

    def stream(self, request: ModelRequest) -> "GatedModel":
        """Answer."""
        return self

    def __iter__(self) -> Iterator[ModelChunk]:
        yield ModelChunk(text="one")
        self.said_one.set()
        self.go_on.wait(_PATIENCE_SECONDS)
        yield ModelChunk(text="two")

    def close(self) -> None:
        """Nothing to stop."""


def test_who_waits_for_more_is_woken_by_more_or_by_the_answers_end() -> None:
    model = GatedModel()
    source = ChunkSource(model, _REQUEST)
    assert model.said_one.wait(_PATIENCE_SECONDS)
    model.go_on.set()
    source.wait(_PATIENCE_SECONDS, enough_bytes=10 * size_of(ModelChunk(text="one")))
    assert [chunk.text for chunk in source.take()] == ["one", "two"]
    assert source.ended


def test_who_waits_for_anything_is_woken_by_the_first_chunk() -> None:
    model = GatedModel()
    source = ChunkSource(model, _REQUEST)
    source.wait(_PATIENCE_SECONDS)
    assert [chunk.text for chunk in source.take()] == ["one"]
    assert not source.ended
    model.go_on.set()
