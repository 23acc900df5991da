"""Plays a scenario again and again, each time with the same fault at another place."""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Final

from tests.integration.faults.audit import audit
from tests.integration.faults.play import Play, Scenario
from tests.support.deliveries import VISIBILITY_SECONDS
from tests.support.outside import (
    Fault,
    Faultless,
    Frozen,
    KilledAfter,
    KilledBefore,
    Outage,
    OutsideCall,
    Refused,
    Unheard,
)
from tests.support.stage import STANDS_STILL_SECONDS, Stage

# A runner that was killed is replaced within this time.
REPLACED_SECONDS: Final = 45
SHORT_SECONDS: Final = 5
LONG_SECONDS: Final = 180
_MOST_FAILURES: Final = 3


class Kind(StrEnum):
    """What happens at a call."""

    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    REFUSED = "refused"
    UNHEARD = "answer lost"
    FROZEN = "frozen before"
    SHORT_OUTAGE = "service out for seconds"
    LONG_OUTAGE = "service out for minutes"


def sweep(stage: Stage, scenario: Scenario, kind: Kind) -> int:
    """Play a scenario with a fault at every place where it makes a difference.

    Returns:
        How many plays that were.

    Raises:
        AssertionError: names the plays that did not come to their right end.
    """
    faultless = Play(stage, scenario, Faultless())
    faultless.perform()
    audit(faultless, tools_struck=False)
    assert faultless.seconds <= scenario.seconds, f"it takes {faultless.seconds} s without a fault"
    calls = list(faultless.calls)
    failures: list[str] = []
    plays = 1
    for call in places(kind, calls):
        plays += 1
        play = Play(stage, scenario, _fault(stage, kind, call.number))
        try:
            play.perform()
            assert play.calls[: call.number + 1] == calls[: call.number + 1], "another play"
            _audit(play, kind, call)
        except AssertionError as error:
            failures.append(f"{scenario}, {kind} {call}: {error}")
            if len(failures) == _MOST_FAILURES:
                break
    assert not failures, "\n".join(["These plays went wrong:", *failures])
    return plays


def places(kind: Kind, calls: Sequence[OutsideCall]) -> Iterator[OutsideCall]:
    """Return the calls at which a fault is played.

    What was killed is gone: only what it has left behind counts. So it makes no difference where
    between two changes a process dies, nor whether after one of its calls or before the next. One
    that was frozen has read what is no longer so: that counts when it changes something.
    """
    before: dict[tuple[str, int], OutsideCall] = {}
    last = {call.process: call for call in calls}
    for call in calls:
        earlier = before.get(call.process)
        before[call.process] = call
        first_of_stretch = earlier is None or earlier.changes
        if kind is Kind.KILLED_BEFORE:
            wanted = first_of_stretch
        elif kind is Kind.KILLED_AFTER:
            wanted = call is last[call.process]
        elif kind is Kind.FROZEN:
            wanted = call.changes
        elif call.service in ("push", "tool"):
            wanted = False  # The pusher drops what it cannot push, and tools answer for themselves.
        elif kind is Kind.UNHEARD:
            wanted = call.changes
        elif kind in (Kind.SHORT_OUTAGE, Kind.LONG_OUTAGE):
            wanted = first_of_stretch
        else:
            wanted = True
        if wanted:
            yield call


def _fault(stage: Stage, kind: Kind, number: int) -> Fault:
    clock = stage.world.clock
    makers: dict[Kind, Callable[[], Fault]] = {
        Kind.KILLED_BEFORE: lambda: KilledBefore(number),
        Kind.KILLED_AFTER: lambda: KilledAfter(number),
        Kind.REFUSED: lambda: Refused(number, clock),
        Kind.UNHEARD: lambda: Unheard(number, clock),
        Kind.FROZEN: lambda: Frozen(number, stage.stand_still),
        Kind.SHORT_OUTAGE: lambda: Outage(number, clock, SHORT_SECONDS),
        Kind.LONG_OUTAGE: lambda: Outage(number, clock, LONG_SECONDS),
    }
    return makers[kind]()


def _audit(play: Play, kind: Kind, call: OutsideCall) -> None:
    struck = call.process[0]
    lasts: float = {
        Kind.FROZEN: STANDS_STILL_SECONDS[struck],
        Kind.SHORT_OUTAGE: SHORT_SECONDS,
        Kind.LONG_OUTAGE: LONG_SECONDS,
    }.get(kind, 0)
    outage = kind in (Kind.SHORT_OUTAGE, Kind.LONG_OUTAGE)
    audit(
        play,
        tools_struck=struck == "worker" or outage or play.scenario.lost,
        may_fail=kind is Kind.LONG_OUTAGE,
        may_repeat=kind is Kind.KILLED_BEFORE and struck == "runner",
    )
    most = play.scenario.seconds + REPLACED_SECONDS + lasts
    if struck == "timers":
        # Its message comes back when its time in flight is over.
        most += VISIBILITY_SECONDS["timers"]
    assert play.seconds <= most, f"it takes {play.seconds} s"
