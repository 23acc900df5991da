"""Every list can be walked in either direction, and gives each object exactly once."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.api.support import created, make_assistant, make_thread
from tests.support.world import World
from wiring.bootstrap import ApiContext

COUNT = 11
ORDERS = st.sampled_from(["asc", "desc"])
LIMITS = st.integers(1, COUNT + 2)
CURSORS = st.none() | st.integers(0, COUNT - 1)
on_one_world = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Listed:
    """A list with `COUNT` objects, and their ids in the order of their creation."""

    def __init__(self, client: TestClient, path: str, ids: list[str]) -> None:
        self._client = client
        self._path = path
        self.ids = ids

    def page(self, **query: Any) -> Any:
        """Return a page."""
        given = {name: value for name, value in query.items() if value is not None}
        return created(self._client.get(self._path, params=given))

    def walk(self, cursor: str, order: str, limit: int) -> list[list[str]]:
        """Return all pages, read on by `after`, or by `before` from the end."""
        edge = "last_id" if cursor == "after" else "first_id"
        query: dict[str, Any] = {"order": order, "limit": limit}
        if cursor == "before":
            query["before"] = self.ids[-1] if order == "asc" else self.ids[0]
        pages = []
        for _ in range(COUNT + 1):
            page = self.page(**query)
            pages.append([item["id"] for item in page["data"]])
            if not page["has_more"]:
                return pages
            query[cursor] = page[edge]
        raise AssertionError("The last page still said that there is more.")


@pytest.fixture
def listed(client: TestClient) -> Listed:
    """Assistants: a list of its own partition."""
    return Listed(client, "/v1/assistants", [make_assistant(client) for _ in range(COUNT)])


@pytest.fixture
def listed_among_others(client: TestClient, world: World, context: ApiContext) -> Listed:
    """Messages: in a partition with the thread itself and its runs."""
    thread = make_thread(client, *(str(number) for number in range(COUNT)))
    world.create_run(thread)
    ids = [
        item["id"]
        for item in created(client.get(f"/v1/threads/{thread}/messages?order=asc"))["data"]
    ]
    return Listed(client, f"/v1/threads/{thread}/messages", ids)


@on_one_world
@given(order=ORDERS, limit=LIMITS)
def test_walking_forwards_gives_each_object_once(listed: Listed, order: str, limit: int) -> None:
    seen = [found for page in listed.walk("after", order, limit) for found in page]
    assert seen == (listed.ids if order == "asc" else listed.ids[::-1])


@on_one_world
@given(order=ORDERS, limit=LIMITS)
def test_walking_backwards_gives_each_object_once(listed: Listed, order: str, limit: int) -> None:
    pages = listed.walk("before", order, limit)
    seen = [found for page in reversed(pages) for found in page]
    assert seen == (listed.ids if order == "asc" else listed.ids[::-1])[:-1]


@on_one_world
@given(order=ORDERS, limit=LIMITS, after=CURSORS, before=CURSORS)
def test_a_page_is_what_lies_between_its_cursors(
    listed_among_others: Listed, order: str, limit: int, after: int | None, before: int | None
) -> None:
    ids = listed_among_others.ids
    ordered = ids if order == "asc" else ids[::-1]
    low = 0 if after is None else ordered.index(ids[after]) + 1
    high = len(ordered) if before is None else ordered.index(ids[before])
    between = ordered[low:high]
    backwards = before is not None and after is None
    expected = between[-limit:] if backwards else between[:limit]
    page = listed_among_others.page(
        order=order,
        limit=limit,
        after=None if after is None else ids[after],
        before=None if before is None else ids[before],
    )
    assert [item["id"] for item in page["data"]] == expected
    assert page["has_more"] == (len(between) > limit)
    assert page["first_id"] == (expected[0] if expected else None)
    assert page["last_id"] == (expected[-1] if expected else None)


def test_a_cursor_need_not_exist(listed: Listed) -> None:
    between = listed.ids[5] + "0"
    after = listed.page(order="asc", after=between)
    assert [item["id"] for item in after["data"]] == listed.ids[6:]
    before = listed.page(order="asc", before=between)
    assert [item["id"] for item in before["data"]] == listed.ids[:6]


def test_an_object_made_while_a_list_is_walked_moves_no_other(
    client: TestClient, listed: Listed
) -> None:
    first = listed.page(limit=4)
    make_assistant(client)
    second = listed.page(limit=4, after=first["last_id"])
    seen = [item["id"] for item in first["data"] + second["data"]]
    assert seen == listed.ids[::-1][:8]
