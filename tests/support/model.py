"""A model that says what a test wrote down, and complains about everything else."""

from collections.abc import Callable, Iterator, Sequence

from core.model import CallFragment, ModelChunk, ModelFailure, ModelRequest
from core.schema.runs import Usage

# A hook is called when the stream reaches it: to look around, or to kill the worker.
Hook = Callable[[], None]
Say = ModelChunk | ModelFailure | Hook
USAGE = Usage(prompt_tokens=10, completion_tokens=5, total_tokens=15)


class ScriptedModel:
    """Gives one scripted turn a call.

    Attributes:
        requests: what it was asked, in order.
    """

    def __init__(self) -> None:
        self.requests: list[ModelRequest] = []
        self._turns: list[Sequence[Say]] = []

    def turn(self, *says: Say) -> "ScriptedModel":
        """Add a turn."""
        self._turns.append(says)
        return self

    def stream(self, request: ModelRequest) -> "ScriptedStream":
        """Start the next turn; a failure at its beginning is raised at once."""
        self.requests.append(request)
        if not self._turns:
            raise AssertionError("The model was asked once more than was scripted.")
        turn = self._turns.pop(0)
        if turn and isinstance(turn[0], ModelFailure):
            raise turn[0]
        return ScriptedStream(turn)

    def assert_used_up(self) -> None:
        """Fail if the model was asked less often than was scripted."""
        assert not self._turns, f"{len(self._turns)} scripted turns were not asked for"


class ScriptedStream:
    """A scripted turn as it arrives."""

    def __init__(self, turn: Sequence[Say]) -> None:
        self._turn = turn

    def __iter__(self) -> Iterator[ModelChunk]:
        for say in self._turn:
            if isinstance(say, ModelFailure):
                raise say
            if isinstance(say, ModelChunk):
                yield say
            else:
                say()

    def close(self) -> None:
        """Nothing to stop."""


def text(*pieces: str) -> list[ModelChunk]:
    """Return chunks that say these pieces."""
    return [ModelChunk(text=piece) for piece in pieces]


def call(name: str, arguments: str, call_id: str, index: int = 0) -> list[ModelChunk]:
    """Return chunks that call a tool, its arguments in two pieces."""
    half = len(arguments) // 2
    return [
        ModelChunk(calls=(CallFragment(index, call_id, name, ""),)),
        ModelChunk(calls=(CallFragment(index, None, None, arguments[:half]),)),
        ModelChunk(calls=(CallFragment(index, None, None, arguments[half:]),)),
    ]


def stop(reason: str = "stop") -> list[ModelChunk]:
    """Return the end of a turn: the reason, then the usage."""
    return [ModelChunk(finish_reason=reason), ModelChunk(usage=USAGE)]
