"""The order of a run's events, without any I/O: frames in, events exactly once and in order out.

The server has one writer of a run's events at a time. Each writer has an epoch, and an event's id
is `<epoch>-<seq>`; ids sort as pairs of whole numbers. A frame says which id its first event
follows, so a receiver sees whether it missed something. A writer that was overtaken (a zombie) may
still push frames under its older epoch; they lie beyond the id that its successor started after,
and are void: whoever has seen the successor drops them, because their ids are lower.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from threadrunner_client.errors import FrameError

_MAX_DIGITS = 10
_SHOWN_CHARACTERS = 40


class EventId(NamedTuple):
    """An event's place in the log of its run."""

    epoch: int
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}-{self.seq}"

    @classmethod
    def parse(cls, text: object) -> "EventId":
        """Return the id that `text` spells: "3-7" is `EventId(3, 7)`.

        Raises:
            ValueError: `text` is not two whole numbers joined by a hyphen.
        """
        if isinstance(text, str):
            epoch, separator, seq = text.partition("-")
            if separator and _is_whole_number(epoch) and _is_whole_number(seq):
                return cls(int(epoch), int(seq))
        raise ValueError(f"{_show(text)} is not an event id such as '3-7'.")


# Stands for "before the first event", so that comparisons need no special case.
_START = EventId(-1, -1)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a run.

    Attributes:
        id: its place in the run's log, such as "3-7"; give it as `after` to go on from here.
        event: its name, such as "thread.message.delta".
        data: the object or delta, as OpenAI's SDK gets it.
        run_id: the run that it belongs to.
        thread_id: the thread of that run.
        href: where the API serves it, if it was too large for a frame; `data` is then empty. The
            client replaces such an event by the whole one before a caller sees it.
    """

    id: str
    event: str
    data: dict[str, Any] = field(repr=False)
    run_id: str
    thread_id: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """Events that were pushed together, in ascending order.

    Attributes:
        run_id: the run.
        thread_id: its thread.
        after: the id that the first event follows; None at the start of the log.
        events: at least one, each with its id.
    """

    run_id: str
    thread_id: str
    after: EventId | None
    events: tuple[tuple[EventId, Event], ...]

    @classmethod
    def parse(cls, message: Mapping[str, Any]) -> "Frame":
        """Return the frame that a decoded JSON message is.

        Raises:
            FrameError: it is not a frame; the message says which part is wrong.
        """
        run_id = _text(message, "run_id")
        thread_id = _text(message, "thread_id")
        after = None if message.get("after") is None else _id(message, "after")
        entries = message.get("events")
        if not isinstance(entries, list) or not entries:
            raise FrameError("The frame's 'events' is not a list with at least one event.")
        events = []
        previous = after or _START
        for index, entry in enumerate(entries):
            event_id, event = _parse_event(entry, f"events[{index}]", run_id, thread_id)
            if event_id <= previous:
                raise FrameError(
                    f"The frame's events[{index}] has the id {str(event_id)!r}, which does not come"
                    f" after {str(previous)!r}."
                )
            events.append((event_id, event))
            previous = event_id
        return cls(run_id, thread_id, after, tuple(events))


@dataclass(frozen=True, slots=True)
class Gap:
    """Something is missing: subscribe again after this id; None means from the start."""

    after: EventId | None


class EventOrder:
    """Puts one run's events in order: each exactly once, whatever comes in whatever order.

    Args:
        run_id: the run. Frames of other runs are refused.
        after: the id of the last event that is already known, if any.

    Raises:
        ValueError: `after` is not an event id.
    """

    def __init__(self, run_id: str, after: EventId | str | None = None) -> None:
        self.run_id = run_id
        if after is None:
            self._last = _START
        else:
            self._last = after if isinstance(after, EventId) else EventId.parse(after)
        self._expected = _START
        # Frames beyond a gap, the one that follows the lowest id first. Of two that follow the same
        # id, the lower is void (its writer was overtaken there), so the higher comes first.
        self._held: list[tuple[EventId, tuple[int, int], int, Frame]] = []
        self._pushed = 0

    @property
    def last(self) -> EventId | None:
        """The id of the last event that came out; None if there was none."""
        return None if self._last == _START else self._last

    @property
    def gap(self) -> Gap | None:
        """What to ask for again; None if nothing is known to be missing."""
        if self._held or self._expected > self._last:
            return Gap(self.last)
        return None

    def expect(self, event_id: EventId) -> None:
        """Note that an event is known to exist: until it is reached, there is a gap."""
        self._expected = max(self._expected, event_id)

    def push(self, frame: Frame | Mapping[str, Any]) -> list[Event]:
        """Take a frame and return the events that are now in order, most often those of the frame.

        Args:
            frame: an event frame, parsed or as decoded JSON.

        Returns:
            The events that come next; none if the frame was a repetition or lies beyond a gap.

        Raises:
            FrameError: it is malformed or belongs to another run; the order is left as it was.
        """
        if not isinstance(frame, Frame):
            frame = Frame.parse(frame)
        if frame.run_id != self.run_id:
            raise FrameError(f"A frame of {frame.run_id!r} came for {self.run_id!r}.")
        first = frame.events[0][0]
        # The counter keeps the heap from ever comparing frames.
        self._pushed += 1
        place = (-first.epoch, -first.seq)
        heapq.heappush(self._held, (frame.after or _START, place, self._pushed, frame))
        return self._release()

    def _release(self) -> list[Event]:
        events = []
        while self._held and self._held[0][0] <= self._last:
            for event_id, event in heapq.heappop(self._held)[3].events:
                if event_id > self._last:
                    events.append(event)
                    self._last = event_id
        return events


def _parse_event(entry: object, place: str, run_id: str, thread_id: str) -> tuple[EventId, Event]:
    if not isinstance(entry, dict):
        raise FrameError(f"The frame's {place} is not an object.")
    event_id = _id(entry, "id", place)
    name = _text(entry, "event", place)
    data = entry.get("data")
    href = None
    if data is None:
        href = _text(entry, "href", place)
        data = {}
    elif not isinstance(data, dict):
        raise FrameError(f"The frame's {place}.data is neither an object nor null.")
    return event_id, Event(str(event_id), name, data, run_id, thread_id, href)


def _id(source: Mapping[str, Any], name: str, place: str = "") -> EventId:
    try:
        return EventId.parse(source.get(name))
    except ValueError as error:
        raise FrameError(f"The frame's {_join(place, name)} is wrong: {error}") from None


def _text(source: Mapping[str, Any], name: str, place: str = "") -> str:
    value = source.get(name)
    if not isinstance(value, str) or not value:
        raise FrameError(f"The frame's {_join(place, name)} is not a text.")
    return value


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else repr(name)


def _is_whole_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS


def _show(value: object) -> str:
    """Return what was found, short enough for a message; only texts are shown as they are."""
    if isinstance(value, str):
        return repr(value[:_SHOWN_CHARACTERS])
    return f"A value of type {type(value).__name__}"
