"""Pages of lists: total order by id, cursors that are ids."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from core.schema.common import ListPage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageQuery:
    """Which page of a list is wanted.

    Attributes:
        limit: at most this many: 1 to 100, of files to 10,000.
        order: by id: `desc` is newest first.
        after: only what follows this id in the order asked for.
        before: only what precedes this id in the order asked for.
    """

    limit: int = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    before: str | None = None


def page_of(found: Sequence[T], query: PageQuery, identify: Callable[[T], str]) -> ListPage[T]:
    """Return the page, given one object more than its limit if there is one more.

    Args:
        found: up to `query.limit + 1` objects in the order asked for.
        query: what was asked.
        identify: gives an object's id.
    """
    data = list(found[: query.limit])
    return ListPage[T](
        data=data,
        first_id=identify(data[0]) if data else None,
        last_id=identify(data[-1]) if data else None,
        has_more=len(found) > query.limit,
    )


def slice_of(ids: Sequence[str], query: PageQuery) -> list[str]:
    """Return up to `query.limit + 1` of a list's ids, as a query of a table would find them.

    Args:
        ids: all of the list, in any order.
        query: the page.
    """
    descending = query.order == "desc"
    low, high = (query.before, query.after) if descending else (query.after, query.before)
    between = sorted(
        (found for found in ids if (not low or found > low) and (not high or found < high)),
        reverse=descending,
    )
    if query.before is None or query.after is not None:
        return between[: query.limit + 1]
    # Read backwards from `before`; the one too many is the farthest, and stays at the page's end.
    page = between[-query.limit :]
    return [*page, *between[: -query.limit][-1:]]
