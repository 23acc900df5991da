"""How often each fault of each script has happened: some are to happen only so many times."""

import hashlib
from collections import Counter
from typing import Literal

from infra.local.scripted_model.script import Script

Fault = Literal["fail", "stall", "cut"]


class FaultCounter:
    """Counts faults for each script and turn, in memory.

    Scripts that say the same are the same script, whoever sends them.
    """

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self._counts: Counter[tuple[str, int, Fault]] = Counter()

    def take(self, script: Script, turn: int, fault: Fault, times: int | None) -> bool:
        """Say whether a fault is due once more, and count it if so.

        Args:
            script: The script.
            turn: The place of the turn in it.
            fault: Which of the turn's faults.
            times: How often it is to happen; None for always.
        """
        if times is None:
            return True
        key = (hashlib.sha256(script.model_dump_json().encode()).hexdigest(), turn, fault)
        if self._counts[key] >= times:
            return False
        self._counts[key] += 1
        return True
