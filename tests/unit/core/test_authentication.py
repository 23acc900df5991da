"""Authentication of actions: what may be given, and that no text form shows its secrets."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from core.http_headers import CONNECTION_HEADERS, HARMLESS_HEADERS
from core.schema.actions import Action, ActionRecord, CreateActions
from core.schema.authentication import (
    Authentication,
    BasicAuthentication,
    dump_authentication,
    dump_authentications,
    read_authentication,
    read_authentications,
)
from core.schema.runs import CreateRun

AUTHENTICATION: TypeAdapter[Authentication] = TypeAdapter(Authentication)
PAIR = base64.b64encode(b"user:hush-hush").decode()
GOOD: list[dict[str, Any]] = [
    {"type": "none"},
    {"type": "bearer", "secret": "hush-hush"},
    {"type": "basic", "secret": PAIR},
    {"type": "basic", "username": "Jürgen", "password": "hush:hush ü"},
    {"type": "basic", "username": "", "password": ""},
    {"type": "api_key", "name": "X-API-Key", "in": "header", "secret": "hush-hush"},
    {"type": "api_key", "name": "api_key[]", "in": "query", "secret": "hush hush"},
    {"type": "custom", "content": {"Authorization": "Token hush-hush", "X-Tenant": "a"}},
    {
        "type": "oauth2_client_credentials",
        "token_url": "https://login.example/oauth/token?key=hush",
        "client_id": "hush-id",
        "client_secret": "hush hush",
        "scope": "read write",
        "audience": "https://api.example/",
        "auth_style": "body",
    },
]
CONTROLS = st.characters(max_codepoint=0x1F) | st.sampled_from("\x7f\x85\u2028")


def read(value: Any) -> Authentication:
    return AUTHENTICATION.validate_python(value)


@pytest.mark.parametrize("value", GOOD)
def test_an_authentication_comes_back_from_the_store_as_it_was_given(value: dict[str, Any]) -> None:
    found = read_authentications(dump_authentications({"action_1": read(value)}))
    assert found == {"action_1": read(value)}
    assert read_authentication(dump_authentication(read(value))) == read(value)
    record = ActionRecord(wire=action(), operation="{}", authentication=read(value))
    assert ActionRecord.model_validate_json(record.model_dump_json()) == record


def test_an_action_from_before_there_was_authentication_has_none() -> None:
    stored = ActionRecord(wire=action(), operation="{}").model_dump(exclude={"authentication"})
    assert ActionRecord.model_validate(stored).authentication is None


@pytest.mark.parametrize("value", GOOD)
def test_no_text_form_shows_a_secret(value: dict[str, Any]) -> None:
    given_run = CreateRun.model_validate(
        {
            "assistant_id": "asst_1",
            "action_authentications": {"action_1": value},
            "extra_body": {"action_authentications": {"action_2": value}},
        }
    )
    record = ActionRecord(wire=action(), operation="{}", authentication=read(value))
    for shown in (read(value), given_run, given_run.extras, record):
        assert "hush" not in f"{shown!r} {shown}"
        assert PAIR not in f"{shown!r} {shown}"


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"type": "oauth2", "client_id": "hush"},
        {"type": "bearer"},
        {"type": "bearer", "secret": ""},
        {"type": "bearer", "secret": "x" * 8_193},
        {"type": "bearer", "secret": 7},
        {"type": "bearer", "secret": "x", "surprise": 1},
        {"type": "basic"},
        {"type": "basic", "username": "u"},
        {"type": "basic", "password": "p"},
        {"type": "basic", "secret": PAIR, "username": "u", "password": "p"},
        {"type": "basic", "secret": PAIR, "username": "u"},
        {"type": "basic", "secret": "user:password"},
        {"type": "basic", "secret": base64.b64encode(b"nocolon").decode()},
        {"type": "basic", "secret": PAIR[:-1]},
        {"type": "basic", "username": "a:b", "password": "p"},
        {"type": "api_key", "name": "k", "secret": "x"},
        {"type": "api_key", "name": "k", "in": "cookie", "secret": "x"},
        {"type": "api_key", "name": "k", "in_": "query", "secret": "x"},
        {"type": "api_key", "name": "", "in": "query", "secret": "x"},
        {"type": "api_key", "name": "a b", "in": "query", "secret": "x"},
        {"type": "api_key", "name": "a:b", "in": "header", "secret": "x"},
        {"type": "api_key", "name": "k", "in": "query", "secret": "x" * 2_049},
        {"type": "custom"},
        {"type": "custom", "content": {}},
        {"type": "custom", "content": {"X-A": 7}},
        {"type": "custom", "content": {"": "x"}},
        {"type": "custom", "content": {"X A": "x"}},
        {"type": "custom", "content": {"X-A\r\nX-B": "x"}},
        {"type": "custom", "content": {"X-Key": "a", "x-key": "b"}},
        {"type": "custom", "content": {f"X-{n}": "x" for n in range(17)}},
        {"type": "custom", "content": {f"X-{n}": "x" * 8_000 for n in range(3)}},
    ],
)
def test_what_makes_no_request_is_refused_without_being_repeated(value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        CreateActions.model_validate({"openapi_schema": {}, "authentication": value})
    assert "hush" not in str(caught.value)
    assert PAIR not in str(caught.value)


@given(before=st.text("ab"), control=CONTROLS, after=st.text("ab"))
def test_a_value_with_a_control_character_is_refused_wherever_it_stands(
    before: str, control: str, after: str
) -> None:
    text = before + control + after
    bad: list[dict[str, Any]] = [
        {"type": "bearer", "secret": text},
        {"type": "basic", "secret": PAIR + text},
        {"type": "api_key", "name": "X-Key", "in": "header", "secret": text},
        {"type": "api_key", "name": "key", "in": "query", "secret": text},
        {"type": "api_key", "name": text, "in": "header", "secret": "x"},
        {"type": "api_key", "name": text, "in": "query", "secret": "x"},
        {"type": "custom", "content": {"X-Key": text}},
        {"type": "custom", "content": {text: "x"}},
    ]
    if control != "\u2028":
        bad += [
            {"type": "basic", "username": text, "password": ""},
            {"type": "basic", "username": "", "password": text},
        ]
    for value in bad:
        with pytest.raises(ValidationError):
            read(value)


@pytest.mark.parametrize(
    "name", sorted(CONNECTION_HEADERS | HARMLESS_HEADERS | {"proxy-authorization"})
)
@pytest.mark.parametrize("write", [str.lower, str.upper, str.title])
def test_a_secret_cannot_be_put_where_it_would_frame_the_message_or_follow_a_redirect(
    name: str, write: Any
) -> None:
    for value in (
        {"type": "custom", "content": {write(name): "x"}},
        {"type": "api_key", "name": write(name), "in": "header", "secret": "x"},
    ):
        with pytest.raises(ValidationError):
            read(value)


@given(username=st.text(st.characters(categories=["L", "N", "P"], exclude_characters=":")))
def test_a_user_and_password_are_the_token_that_the_header_has(username: str) -> None:
    username = username[:200]
    given_pair = BasicAuthentication(type="basic", username=username, password="p:w")
    assert base64.b64decode(given_pair.token).decode() == f"{username}:p:w"
    ready = BasicAuthentication(type="basic", secret=given_pair.token)
    assert ready.token == given_pair.token


# ---- the extras of a run ------------------------------------------------------------------------

ONE = {"action_1": {"type": "bearer", "secret": "one"}}
TWO = {"action_2": {"type": "bearer", "secret": "two"}}


@pytest.mark.parametrize(
    ("top", "nested", "actions", "params"),
    [
        ({}, None, None, None),
        ({}, {}, None, None),
        ({"action_authentications": ONE}, None, {"action_1"}, None),
        ({}, {"action_authentications": TWO}, {"action_2"}, None),
        ({"action_authentications": ONE}, {"action_authentications": TWO}, {"action_1"}, None),
        ({"action_authentications": {}}, {"action_authentications": TWO}, set(), None),
        ({"action_authentications": None}, {"action_authentications": TWO}, {"action_2"}, None),
        ({"model_params": {"top_k": 1}}, {"action_authentications": TWO}, {"action_2"}, {"top_k"}),
        ({"model_params": {"top_k": 1}}, {"model_params": {"seed": 2}}, None, {"top_k"}),
        ({}, {"model_params": {"seed": 2}}, None, {"seed"}),
    ],
)
def test_what_stands_at_both_places_counts_at_the_top(
    top: dict[str, Any],
    nested: dict[str, Any] | None,
    actions: set[str] | None,
    params: set[str] | None,
) -> None:
    body = {"assistant_id": "asst_1", "extra_body": nested, **top}
    extras = CreateRun.model_validate(body).extras
    found = extras.action_authentications
    assert (None if found is None else set(found)) == actions
    assert (None if extras.model_params is None else set(extras.model_params)) == params


def action() -> Action:
    return Action(
        id="action_1",
        created_at=1,
        name="look_up",
        description="",
        method="GET",
        server_url="https://api.example",
        path="/",
        parameters={},
        metadata={},
    )
