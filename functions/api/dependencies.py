"""What endpoints ask for: the context, the caller's tenant, the page of a list."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import Depends, Query, Request

from core.errors import file_not_found, not_found
from core.ids import is_well_formed
from core.keys import KeyRecord
from core.paging import PageQuery
from wiring.bootstrap import ApiContext

_LIMIT_DESCRIPTION = "How many objects the page may have."
_AFTER_DESCRIPTION = "Only what follows the object of this id, in the order asked for."
_BEFORE_DESCRIPTION = "Only what precedes the object of this id, in the order asked for."

Order = Annotated[Literal["asc", "desc"], Query(description="By creation: `desc` is newest first.")]
After = Annotated[str | None, Query(description=_AFTER_DESCRIPTION)]
Limit = Annotated[int, Query(ge=1, le=100, description=_LIMIT_DESCRIPTION)]


async def _context(request: Request) -> ApiContext:
    context: ApiContext = request.app.state.context()
    return context


async def _caller(request: Request) -> KeyRecord:
    caller: KeyRecord = request.state.caller
    return caller


async def _tenant(request: Request) -> str:
    caller: KeyRecord = request.state.caller
    return caller.tenant


Context = Annotated[ApiContext, Depends(_context)]
Caller = Annotated[KeyRecord, Depends(_caller)]
Tenant = Annotated[str, Depends(_tenant)]


async def _include(
    include: Annotated[
        list[Literal["step_details.tool_calls[*].file_search.results[*].content"]] | None,
        Query(alias="include[]", description="Further fields that steps shall show."),
    ] = None,
) -> None:
    """Check what a step shall show besides; file search, which it is about, has yet to come."""


# For endpoints with `include[]`.
Include = Depends(_include)


def page_query(kind: str, prefix: str) -> Callable[..., PageQuery]:
    """Return the dependency that reads the page asked for of a list.

    Args:
        kind: what is listed, as errors call it.
        prefix: of the ids, which are the cursors: what cannot be one never becomes part of a key.
    """

    async def read(
        limit: Limit = 20,
        order: Order = "desc",
        after: After = None,
        before: Annotated[str | None, Query(description=_BEFORE_DESCRIPTION)] = None,
    ) -> PageQuery:
        for param, cursor in (("after", after), ("before", before)):
            if cursor and not _may_be_of(prefix, cursor):
                raise not_found(kind, cursor, param=param)
        return PageQuery(limit, order, after or None, before or None)

    return read  # type: ignore[return-value]


def file_cursor(cursor: str | None) -> str | None:
    """Return the cursor of a list of files, if there is one.

    Raises:
        NotFound: it cannot be the id of a file.
    """
    if cursor and not _may_be_of("file", cursor):
        raise file_not_found(cursor, param="after")
    return cursor or None


def _may_be_of(prefix: str, identifier: str) -> bool:
    return is_well_formed(identifier) and identifier.startswith((f"{prefix}_", f"{prefix}-"))
