"""Who watches a run, looked up now and then instead of at every batch.

A writer logs first and looks second, and whoever registers reads the log after that: so one of the
two sees the other. That stays true if one look serves several batches, as long as a further look
follows the last of them, and whoever is new in it is sent what was logged since the one before.
"""

from collections.abc import Sequence
from typing import Generic, TypeVar

from core.event_log import Batch

C = TypeVar("C")
# A run's tenant, thread and id.
Watched = tuple[str, str, str]
Deliveries = list[tuple[Sequence[C], Sequence[Batch]]]


class Audience(Generic[C]):
    """The connections that watch one run, as one of its writers knows them."""

    def __init__(self) -> None:
        self._known: tuple[C, ...] = ()
        self._since: list[Batch] = []

    @property
    def owes_look(self) -> bool:
        """Whether something was sent without a look after it: there may be others who watch."""
        return bool(self._since)

    def unlooked(self, batches: Sequence[Batch]) -> Deliveries[C]:
        """Return who is sent what, for batches that go to those who are known.

        Args:
            batches: logged after the last look began.
        """
        self._since += batches
        return [(self._known, batches)]

    def looked(self, found: Sequence[C], batches: Sequence[Batch]) -> Deliveries[C]:
        """Return who is sent what, after a look.

        Args:
            found: who watches.
            batches: logged before the look began, and not sent to anybody yet; may be empty.
        """
        known = set(self._known)
        newcomers = [each for each in found if each not in known]
        others = [each for each in found if each in known]
        arrears = [*self._since, *batches]
        self._known, self._since = tuple(found), []
        deliveries: Deliveries[C] = [(others, batches), (newcomers, arrears)]
        return [(to, sent) for to, sent in deliveries if to and sent]
