"""Reads the model on a thread of its own, so that nothing else ever holds it up."""

import threading
from collections import deque

from core.model import ModelChunk, ModelClient, ModelFailure, ModelRequest, ModelStream


class ChunkSource:
    """A model's answer as it arrives.

    Args:
        model: the model.
        request: what it is asked.
    """

    def __init__(self, model: ModelClient, request: ModelRequest) -> None:
        self._model = model
        self._request = request
        self._chunks: deque[ModelChunk] = deque()
        self._arrived_bytes = 0
        self._enough_bytes = 1
        self._changed = threading.Condition()
        self._ended = False
        self._failure: BaseException | None = None
        self._stream: ModelStream | None = None
        self._stopped = False
        # A daemon: a stopped answer may stay silent until its read times out.
        self._thread = threading.Thread(target=self._read, name="model", daemon=True)
        self._thread.start()

    def wait(self, timeout_seconds: float, enough_bytes: int = 1) -> None:
        """Wait until there is enough to take, or the answer has ended, or the time is over.

        Args:
            timeout_seconds: how long.
            enough_bytes: as `size_of` counts. Chunks that come before that wake nobody.
        """
        with self._changed:
            self._enough_bytes = enough_bytes
            self._changed.wait_for(self._is_enough, timeout_seconds)

    def take(self) -> list[ModelChunk]:
        """Return the chunks that have arrived since the last take."""
        with self._changed:
            taken = list(self._chunks)
            self._chunks.clear()
            self._arrived_bytes = 0
        return taken

    @property
    def ended(self) -> bool:
        """Whether the answer has ended and everything of it was taken.

        Raises:
            ModelFailure: it ended in a failure.
        """
        if not self._ended or self._chunks:
            return False
        if self._failure is not None:
            raise self._failure
        return True

    def stop(self) -> None:
        """Stop the answer; what still arrives is dropped."""
        self._stopped = True
        stream = self._stream
        if stream is not None and not self._ended:
            try:
                stream.close()
            except Exception:
                # The reader may be inside the stream: then it ends by itself at the next chunk.
                return

    def _is_enough(self) -> bool:
        return self._arrived_bytes >= self._enough_bytes or self._ended

    def _read(self) -> None:
        try:
            self._stream = self._model.stream(self._request)
            for chunk in self._stream:
                if self._stopped:
                    break
                with self._changed:
                    self._chunks.append(chunk)
                    self._arrived_bytes += size_of(chunk)
                    if self._is_enough():
                        self._changed.notify()
            if self._stopped:
                self._stream.close()
        except ModelFailure as failure:
            self._failure = failure
        except Exception:
            if not self._stopped:
                self._failure = ModelFailure("The model's answer could not be read.")
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify()


def size_of(chunk: ModelChunk) -> int:
    """Return about how many bytes a chunk takes in the log: at least one."""
    return len(chunk.text or "") + 64 * len(chunk.calls) + 1
