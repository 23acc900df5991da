"""Where the loops over a subscription stand, without any I/O: both fronts' subscriptions hold one.

A loop over a subscription ends where `until` says, and the next one goes on behind it. An item
stays the current one until it is handed out, so whatever fails or is cancelled before loses none.
"""

from typing import Literal

from threadrunner_client.errors import ThreadRunnerError
from threadrunner_client.feed import RUN_ENDS, RUN_PAUSES
from threadrunner_client.ordering import Event

Until = Literal["pause", "end", "closed"]

STOPS: dict[Until, frozenset[str]] = {
    "pause": RUN_ENDS | RUN_PAUSES,
    "end": RUN_ENDS,
    "closed": frozenset(),
}


class NoMore:
    """Stands for the end of the events."""


Item = Event | NoMore | ThreadRunnerError


class Reading:
    """The place of a subscription's reader.

    Args:
        until: where a loop ends.
    """

    def __init__(self, until: Until) -> None:
        self._stops = STOPS[until]
        self._item: Item | None = None
        self._last: str | None = None

    @property
    def last(self) -> str | None:
        """The id of the last event that was handed out; None if there was none."""
        return self._last

    @property
    def needs_item(self) -> bool:
        """Whether the next item is yet to be taken from where they wait."""
        return self._item is None

    def take(self, item: Item) -> None:
        """Make an item the current one."""
        self._item = item

    def event(self) -> Event | None:
        """Return the current event, which may be there by reference only; None at the end of all.

        Raises:
            ThreadRunnerError: the subscription ended with it.
        """
        if isinstance(self._item, ThreadRunnerError):
            raise self._item
        return self._item if isinstance(self._item, Event) else None

    def hand_out(self, event: Event) -> bool:
        """Note that a whole event goes to the caller; return whether the loop ends with it."""
        self._item = None
        self._last = event.id
        return event.event in self._stops
