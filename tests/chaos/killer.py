"""Kills workers at random moments, with a signal that no process can catch."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from infra.local.info import StackInfo
from tests.chaos.workers import find_workers, function_names

# How often each function is chosen. A check whose worker was killed comes after three minutes, so a
# killer of timers shows little but that.
_WEIGHTS: Final = {"runner": 10, "tool-worker": 6, "api": 5, "timers": 2, "dead-letters": 1}
# How often, of the chosen function's workers, one is taken that is at work, if one is.
_AT_WORK: Final = 0.8
# When to look again for somebody to kill: workers take seconds to start, and leave after a while.
_NOBODY_YET_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Kill:
    """A worker that was killed.

    Attributes:
        function: whose it was.
        at: when: unix seconds.
        at_work: whether it was carrying out an invocation.
        peers: its connections when it died: its own ports, with the servers' that they led to.
    """

    function: str
    at: float
    at_work: bool
    peers: Mapping[int, int]


class Killer(threading.Thread):
    """Kills until it is told to stop.

    Args:
        info: the stack whose workers it kills.
        marker: that stack's directory.
        random: draws moments and victims.
        mean_seconds: between two kills.
        functions: whose workers it may kill.
        say: is told of each kill.
    """

    def __init__(
        self,
        info: StackInfo,
        marker: str,
        random: Random,
        *,
        mean_seconds: float,
        functions: Sequence[str],
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        super().__init__(name="killer", daemon=True)
        self.kills: list[Kill] = []
        self._emulator = info.pids["emulator"]
        self._marker = marker
        self._names = function_names(info)
        self._functions = list(functions)
        self._random = random
        self._mean_seconds = mean_seconds
        self._say = say
        self._stopped = threading.Event()

    def run(self) -> None:
        """Kill."""
        while not self._stopped.wait(self._random.expovariate(1 / self._mean_seconds)):
            while self.kill_one() is None and not self._stopped.wait(_NOBODY_YET_SECONDS):
                pass

    def stop(self) -> None:
        """Kill nobody from now on; returns when that is so."""
        self._stopped.set()
        if self.is_alive():
            self.join()

    def kill_one(self) -> Kill | None:
        """Kill a worker of a function that has any; return what was killed, None if nobody was."""
        found = list(find_workers(self._emulator, self._marker, self._names))
        alive = [name for name in self._functions if any(name == one.function for one in found)]
        if not alive:
            return None
        (function,) = self._random.choices(alive, [_WEIGHTS[name] for name in alive])
        workers = [worker for worker in found if worker.function == function]
        busy = [worker for worker in workers if not worker.is_idle()]
        at_work = bool(busy) and self._random.random() < _AT_WORK
        victim = self._random.choice(busy if at_work else workers)
        peers, idle = victim.peers(), victim.is_idle()
        if not victim.kill():
            return None
        kill = Kill(function, time.time(), not idle, peers)
        self.kills.append(kill)
        self._say(f"killed {function}{', idle' if idle else ''}")
        return kill
