"""One limit of time over everything that a request does."""

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

Clock = Callable[[], float]


class TimeIsUp(Exception):
    """The deadline has passed."""


class Deadline:
    """A moment after which nothing more is waited for.

    Args:
        seconds: from now.
        clock: seconds, monotonic.
    """

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def remaining(self) -> float:
        """Return the seconds left, more than zero.

        Raises:
            TimeIsUp: there are none.
        """
        left = self._end - self._clock()
        if left <= 0:
            raise TimeIsUp
        return left


Resolver = Callable[[str, int], Sequence[str]]


def resolve_within(deadline: Deadline, resolver: Resolver, host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host, before the deadline.

    `getaddrinfo` takes no timeout, so it waits on a thread of its own; one that is never answered
    stays behind and keeps neither the caller nor the process.

    Raises:
        TimeIsUp: there was no answer in time.
        OSError, UnicodeError: the name has no address.
    """
    answers: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(host, port))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, name="egress-resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.remaining())
    except Empty:
        raise TimeIsUp from None
    if isinstance(answer, Exception):
        raise answer
    return answer
