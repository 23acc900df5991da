"""Values that a process remembers for a while, and only so many of them."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Expiring(Generic[K, V]):
    """Values by their keys; may be used by several threads.

    Args:
        most: how many are kept: of more, those that were put first are forgotten.
        monotonic: gives seconds.
    """

    def __init__(self, most: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._monotonic = monotonic
        self._kept: OrderedDict[K, tuple[V, float]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """Return the value under a key; None if there is none, or if its time is over."""
        with self._lock:
            kept = self._kept.get(key)
        return kept[0] if kept is not None and kept[1] > self._monotonic() else None

    def put(self, key: K, value: V, until: float) -> None:
        """Remember a value.

        Args:
            key: what it is found by.
            value: the value.
            until: when its time is over, as `monotonic` counts.
        """
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = (value, until)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def drop(self, key: K, value: V | None = None) -> None:
        """Forget what is under a key; with a value, only if it is that."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and (value is None or kept[0] == value):
                del self._kept[key]
