"""Pages are cut to what a response can carry, and can still be walked to the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.services.pages import fitting
from core.paging import PageQuery, page_of
from core.schema.common import ListPage, WireModel


class Thing(WireModel):
    id: str
    text: str


def things(*sizes: int) -> list[Thing]:
    return [Thing(id=f"thing_{index:03}", text="x" * size) for index, size in enumerate(sizes)]


def page(found: list[Thing], query: PageQuery) -> ListPage[Thing]:
    return page_of(found, query, lambda thing: thing.id)


def test_a_page_that_fits_is_left_as_it_is() -> None:
    whole = page(things(10, 10), PageQuery())
    assert fitting(whole, PageQuery(), limit=10_000) is whole


def test_a_page_that_does_not_fit_is_cut_and_says_that_there_is_more() -> None:
    cut = fitting(page(things(100, 100, 100), PageQuery()), PageQuery(), limit=300)
    assert [thing.id for thing in cut.data] == ["thing_000", "thing_001"]
    assert (cut.first_id, cut.last_id, cut.has_more) == ("thing_000", "thing_001", True)


def test_an_object_too_large_for_any_page_is_given_alone() -> None:
    cut = fitting(page(things(500, 1), PageQuery()), PageQuery(), limit=300)
    assert [thing.id for thing in cut.data] == ["thing_000"]


def test_a_page_asked_for_backwards_is_cut_at_its_start() -> None:
    query = PageQuery(before="thing_009")
    cut = fitting(page(things(100, 100, 100), query), query, limit=300)
    assert [thing.id for thing in cut.data] == ["thing_001", "thing_002"]
    assert (cut.first_id, cut.has_more) == ("thing_001", True)


def test_an_empty_page_stays_empty() -> None:
    assert fitting(page([], PageQuery()), PageQuery(), limit=1).data == []


@given(st.lists(st.integers(0, 400), max_size=30), st.integers(1, 10), st.integers(1, 1000))
def test_walking_cut_pages_gives_every_object_once(
    sizes: list[int], per_page: int, limit: int
) -> None:
    stored = things(*sizes)
    seen: list[str] = []
    after: str | None = None
    for _ in range(len(stored) + 1):
        query = PageQuery(per_page, "asc", after)
        rest = [thing for thing in stored if after is None or thing.id > after]
        cut = fitting(page(rest[: per_page + 1], query), query, limit=limit)
        seen += [thing.id for thing in cut.data]
        if not cut.has_more:
            break
        after = cut.last_id
    else:
        pytest.fail("The last page still said that there is more.")
    assert seen == [thing.id for thing in stored]
