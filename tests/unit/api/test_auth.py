"""The Authorization header, the two kinds of keys, and what errors tell of a key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.auth import MISSING_KEY, authenticate, bearer_token, masked
from core.errors import AuthenticationFailed, PermissionDenied
from core.keys import KeyRecord, KeyScope, new_key


def record(scope: KeyScope) -> KeyRecord:
    tenant = "proj_1" if scope == "project" else ""
    return KeyRecord(id="user_1", tenant=tenant, scope=scope, name="key", created_at=1)


def unknown(_key: str) -> None:
    return None


@pytest.mark.parametrize(
    "header", ["Bearer sk-1", "bearer sk-1", "BEARER   sk-1", "  bEaReR sk-1  ", "Bearer\tsk-1"]
)
def test_the_scheme_is_read_in_any_case_and_spacing(header: str) -> None:
    assert bearer_token(header) == "sk-1"


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "sk-1", "Basic sk-1", "Bearer sk-1 sk-2", "Bearersk-1"],
)
def test_a_header_without_a_bearer_token_counts_as_missing(header: str | None) -> None:
    with pytest.raises(AuthenticationFailed) as failure:
        authenticate(header, unknown, "project")
    assert failure.value.message == MISSING_KEY
    assert failure.value.code == "invalid_api_key"


def test_a_key_is_looked_up_as_it_was_sent() -> None:
    asked: list[str] = []

    def find(key: str) -> KeyRecord:
        asked.append(key)
        return record("project")

    assert authenticate("Bearer sk-AbC_-1", find, "project").tenant == "proj_1"
    assert asked == ["sk-AbC_-1"]


def test_an_unknown_key_is_refused_with_its_last_four_characters() -> None:
    key = new_key("project")
    with pytest.raises(AuthenticationFailed) as failure:
        authenticate(f"Bearer {key}", unknown, "project")
    assert failure.value.message == f"Incorrect API key provided: sk-…{key[-4:]}."


@given(st.text(min_size=1, max_size=300))
def test_a_mask_shows_no_more_than_the_prefix_and_four_characters(key: str) -> None:
    shown = masked(key).removeprefix("sk-").removeprefix("…")
    assert len(shown) <= 4
    assert len(key) >= 24 or not shown


@pytest.mark.parametrize(
    ("held", "wanted", "told"),
    [("admin", "project", "service accounts"), ("project", "admin", "takes an admin key")],
)
def test_a_key_of_the_other_kind_is_refused(held: KeyScope, wanted: KeyScope, told: str) -> None:
    with pytest.raises(PermissionDenied, match=told):
        authenticate("Bearer sk-1", lambda _key: record(held), wanted)
