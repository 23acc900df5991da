"""Pages of lists: what is cut, and what is said about what follows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.paging import PageQuery, page_of, slice_of
from core.schema.common import ListPage, WireModel


class Thing(WireModel):
    id: str


def things(count: int) -> list[Thing]:
    return [Thing(id=f"x_{number}") for number in range(count)]


@given(count=st.integers(0, 101), limit=st.integers(1, 100))
def test_one_object_more_than_the_limit_says_that_there_are_more(count: int, limit: int) -> None:
    found = things(min(count, limit + 1))
    page = page_of(found, PageQuery(limit=limit), lambda thing: thing.id)
    assert page.data == found[:limit]
    assert page.has_more == (count > limit)
    assert page.first_id == (page.data[0].id if page.data else None)
    assert page.last_id == (page.data[-1].id if page.data else None)


def test_an_empty_page_is_complete_in_openais_shape() -> None:
    page = page_of(things(0), PageQuery(), lambda thing: thing.id)
    assert page.model_dump() == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }


def test_a_query_asks_for_openais_defaults() -> None:
    query = PageQuery()
    assert (query.limit, query.order, query.after, query.before) == (20, "desc", None, None)


@pytest.mark.parametrize("limit", [1, 3])
def test_walking_page_by_page_gives_every_object_once(limit: int) -> None:
    everything, seen, after = things(7), [], None
    for _ in range(len(everything)):
        start = 0 if after is None else [thing.id for thing in everything].index(after) + 1
        page = page_of(
            everything[start : start + limit + 1],
            PageQuery(limit=limit, order="asc", after=after),
            lambda thing: thing.id,
        )
        seen += page.data
        after = page.last_id
        if not page.has_more:
            break
    assert seen == everything


IDS = [f"msg_{number:02}" for number in range(9)]
CURSORS = st.none() | st.sampled_from(IDS) | st.just("msg_045")


@given(
    order=st.sampled_from(["asc", "desc"]),
    limit=st.integers(1, 11),
    after=CURSORS,
    before=CURSORS,
    mixed=st.permutations(IDS),
)
def test_a_slice_is_what_lies_between_the_cursors_and_one_more(
    order: Any, limit: int, after: str | None, before: str | None, mixed: list[str]
) -> None:
    query = PageQuery(limit, order, after, before)
    ordered = IDS if order == "asc" else IDS[::-1]
    sign = 1 if order == "asc" else -1
    rank = {found: sign * place for place, found in enumerate([*IDS[:5], "msg_045", *IDS[5:]])}
    between = [
        found
        for found in ordered
        if (after is None or rank[found] > rank[after])
        and (before is None or rank[found] < rank[before])
    ]
    backwards = before is not None and after is None
    expected = between[-limit:] if backwards else between[:limit]
    page: ListPage[str] = page_of(slice_of(mixed, query), query, str)
    assert page.data == expected
    assert page.has_more == (len(between) > limit)
