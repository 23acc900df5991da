"""Pages that fit into a response."""

from typing import Protocol, TypeVar

from core.paging import PageQuery, page_of
from core.schema.common import ListPage

# Lambda returns up to 6 MB, in which the body is a JSON string once more: its quotes count double.
MAX_PAGE_BYTES = 2_500_000


class Listed(Protocol):
    """An object that a list may have."""

    @property
    def id(self) -> str:
        """What cursors name."""
        ...

    def model_dump_json(self) -> str:
        """Return it as it is sent."""
        ...


T = TypeVar("T", bound=Listed)


def fitting(page: "ListPage[T]", query: PageQuery, *, limit: int = MAX_PAGE_BYTES) -> "ListPage[T]":
    """Return the page with as many of its objects as a response takes, at least one.

    Whoever reads on gets the others: the page says that it has more. A page that was asked for
    backwards is cut at its start, because it is read on from there.

    Args:
        page: as the store returned it.
        query: what was asked.
        limit: bytes.
    """
    backwards = query.before is not None and query.after is None
    kept: list[T] = []
    size = 0
    for item in reversed(page.data) if backwards else page.data:
        size += len(item.model_dump_json().encode())
        if kept and size > limit:
            break
        kept.append(item)
    if len(kept) == len(page.data):
        return page
    if backwards:
        kept.reverse()
    cut = page_of(kept, PageQuery(len(kept)), lambda item: item.id)
    return cut.model_copy(update={"has_more": True})
