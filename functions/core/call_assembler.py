"""Puts tool calls together from fragments, however a provider cuts them.

Seen in the wild: a whole call at once, a missing or reused index, a missing or repeated id, a name
that is repeated or comes in pieces or empty, arguments before the name, calls interleaved, any of
them cut in the middle of a character.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.model import CallFragment
from core.surrogates import TextPieces, whole_text


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A tool call as the model meant it: `id` is present and unique within its step.

    All three are texts that UTF-8 can write.
    """

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class CallDelta:
    """News of a call: its opening (id and name given), or more of its arguments."""

    index: int
    id: str | None
    name: str | None
    arguments: str


@dataclass(slots=True)
class _Draft:
    id: str = ""
    provider_id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    announced: bool = False
    unsent: list[str] = field(default_factory=list)
    pieces: TextPieces = field(default_factory=TextPieces)


class CallAssembler:
    """Collects fragments; gives deltas in an order that accumulating clients can follow.

    A call is announced once its name is settled: when its arguments begin, the next call begins,
    or the answer ends. Calls are announced in the order of their indexes, and each id and name is
    sent exactly once, because clients concatenate strings.

    Args:
        new_id: makes an id for a call that came without one, or with one that is taken.
    """

    def __init__(self, new_id: Callable[[], str]) -> None:
        self._new_id = new_id
        self._drafts: list[_Draft] = []
        self._by_index: dict[int, _Draft] = {}
        self._announced = 0

    def push(self, fragment: CallFragment) -> list[CallDelta]:
        """Take a fragment and return what can be said now."""
        draft = self._find(fragment)
        if fragment.id and not draft.provider_id:
            draft.provider_id = fragment.id
        if fragment.name and not draft.announced and fragment.name != draft.name:
            draft.name += fragment.name
        if fragment.arguments:
            draft.arguments.append(fragment.arguments)
            draft.unsent.append(fragment.arguments)
        return self._speak(final=False)

    def finish(self) -> list[CallDelta]:
        """The answer has ended: return what was still held back."""
        return self._speak(final=True)

    def calls(self) -> list[ModelCall]:
        """Return the calls, whole after `finish`."""
        return [
            ModelCall(draft.id, whole_text(draft.name), whole_text("".join(draft.arguments)))
            for draft in self._drafts
        ]

    def _find(self, fragment: CallFragment) -> _Draft:
        if fragment.index is None:
            current = self._drafts[-1] if self._drafts else None
        else:
            current = self._by_index.get(fragment.index)
        if current is not None and not _begins_another(current, fragment):
            return current
        draft = _Draft()
        self._drafts.append(draft)
        if fragment.index is not None:
            self._by_index[fragment.index] = draft
        return draft

    def _speak(self, *, final: bool) -> list[CallDelta]:
        deltas: list[CallDelta] = []
        for index, draft in enumerate(self._drafts):
            if not draft.announced:
                followed = index + 1 < len(self._drafts)
                settled = bool(draft.name) and (bool(draft.arguments) or followed)
                if index != self._announced or not (final or settled):
                    break
                draft.announced = True
                self._announced += 1
                draft.id = self._unique(whole_text(draft.provider_id))
                deltas.append(CallDelta(index, draft.id, whole_text(draft.name), ""))
            news = draft.pieces.push("".join(draft.unsent))
            draft.unsent.clear()
            if final:
                news += draft.pieces.finish()
            if news:
                deltas.append(CallDelta(index, None, None, news))
        return deltas

    def _unique(self, wanted: str) -> str:
        taken = {draft.id for draft in self._drafts if draft.id}
        return wanted if wanted and wanted not in taken else self._new_id()


def _begins_another(current: _Draft, fragment: CallFragment) -> bool:
    """Tell whether a fragment belongs to a new call although its index is missing or reused.

    Some providers send a new id with every piece: where there is an index, an id alone is no sign.
    """
    other_id = bool(fragment.id and current.provider_id and fragment.id != current.provider_id)
    if fragment.index is None and other_id:
        return True
    if not (fragment.name and current.name):
        return False
    says_more = bool(fragment.arguments) or fragment.name != current.name
    return other_id or (says_more and _is_whole(current.arguments))


def _is_whole(arguments: Sequence[str]) -> bool:
    # Told by the end if it can be: a provider may repeat the name with every piece.
    end = next((piece for piece in reversed(arguments) if piece.strip()), "")
    if not end.rstrip().endswith("}"):
        return False
    try:
        json.loads("".join(arguments))
    except (ValueError, RecursionError):
        return False
    return True
