"""Tokens for credentials of a client: asked for seldom, kept apart, told to nobody."""

import base64
import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from adapters.action_caller import ActionCaller, action_caller
from adapters.egress import EgressAllowList, EgressFailed, EgressResponse, EgressTimeout
from adapters.oauth2 import NoToken, TokenSource
from core.action_calls import ActionCall, ActionFailed
from core.openapi import PreparedRequest, parse_document
from core.schema.authentication import OAuth2ClientCredentials
from tests.support.egress import ScriptedEgress
from tests.support.http_service import Exchange, Received, http_service
from tests.support.network import Clock

SECRET = "hush/hush+1"


def given(**fields: Any) -> OAuth2ClientCredentials:
    defaults = {
        "type": "oauth2_client_credentials",
        "token_url": "https://login.example/token",
        "client_id": "me:too",
        "client_secret": SECRET,
    }
    return OAuth2ClientCredentials.model_validate(defaults | fields)


def answer(status: int = 200, **fields: Any) -> EgressResponse:
    return EgressResponse(status, "application/json", json.dumps(fields).encode(), False)


def bearer(token: str, **fields: Any) -> EgressResponse:
    return answer(access_token=token, token_type="Bearer", **fields)


class Answers(ScriptedEgress):
    """Egress that answers in turn."""

    def __init__(self, *answers: EgressResponse) -> None:
        super().__init__(answers[0])
        self.left = list(answers)

    def send(self, request: PreparedRequest, **limits: Any) -> EgressResponse:
        self.answer = self.left.pop(0)
        return super().send(request, **limits)


def form(request: PreparedRequest) -> dict[str, list[str]]:
    assert request.body is not None
    return parse_qs(request.body.decode())


def test_the_credentials_go_into_a_header_encoded_as_the_standard_says() -> None:
    egress = ScriptedEgress(bearer("t"))
    assert TokenSource(egress).get("proj", given(scope="a b", audience="https://x"), 5) == "t"
    (request,) = egress.requests
    assert (request.method, request.url) == ("POST", "https://login.example/token")
    assert form(request) == {
        "grant_type": ["client_credentials"],
        "scope": ["a b"],
        "audience": ["https://x"],
    }
    scheme, _, token = request.headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(token) == b"me%3Atoo:hush%2Fhush%2B1"
    assert egress.limits == [(5, None)]


def test_the_credentials_go_into_the_form_for_servers_that_want_them_there() -> None:
    egress = ScriptedEgress(bearer("t"))
    TokenSource(egress).get("proj", given(auth_style="body"), 5)
    (request,) = egress.requests
    assert form(request)["client_id"] == ["me:too"]
    assert form(request)["client_secret"] == [SECRET]
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    ("fields", "good_for"),
    [
        ({"expires_in": 600}, 540),
        ({"expires_in": "600"}, 540),
        ({"expires_in": 3600}, 3240),
        ({"expires_in": 86_400_000}, 3240),
        ({}, 240),
        ({"expires_in": "soon"}, 240),
        ({"expires_in": 30}, 0),
        ({"expires_in": -1}, 0),
        ({"expires_in": 1e999}, 3240),
    ],
)
def test_a_token_is_kept_until_shortly_before_it_expires(
    fields: dict[str, Any], good_for: float
) -> None:
    clock = Clock()
    tokens = TokenSource(Answers(bearer("one", **fields), bearer("two")), clock)
    assert tokens.get("proj", given(), 5) == "one"
    if good_for:
        clock.now += good_for - 1
        assert tokens.get("proj", given(), 5) == "one"
        clock.now += 2
    assert tokens.get("proj", given(), 5) == "two"


@pytest.mark.parametrize(
    ("tenant", "other"),
    [
        ("another", given()),
        ("proj", given(client_secret="another")),
        ("proj", given(scope="another")),
        ("proj", given(token_url="https://another.example")),
    ],
)
def test_a_token_is_for_one_project_and_one_use(tenant: str, other: Any) -> None:
    tokens = TokenSource(Answers(bearer("mine"), bearer("theirs")))
    assert tokens.get("proj", given(), 5) == "mine"
    assert tokens.get(tenant, other, 5) == "theirs"
    assert tokens.get("proj", given(), 5) == "mine"


def test_a_token_that_is_refused_is_forgotten_but_not_its_successor() -> None:
    tokens = TokenSource(Answers(bearer("old"), bearer("new")))
    tokens.get("proj", given(), 5)
    tokens.forget("proj", given(), "old")
    assert tokens.get("proj", given(), 5) == "new"
    tokens.forget("proj", given(), "old")
    assert tokens.get("proj", given(), 5) == "new"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (answer(401, error="invalid_client"), "the status 401 (invalid_client)"),
        (answer(400, error=f"bad {SECRET}"), "the status 400."),
        (answer(500), "the status 500."),
        (EgressResponse(403, "text/html", SECRET.encode(), False), "the status 403."),
        (EgressResponse(200, "text/html", SECRET.encode(), False), "without an access token"),
        (EgressResponse(200, "", b"[" * 100_000, False), "without an access token"),
        (answer(access_token=7), "without an access token"),
        (answer(access_token="a\r\nX: y"), "without an access token"),
        (answer(access_token="x" * 9_000), "without an access token"),
        (answer(access_token="x", token_type="mac"), "unknown type"),
    ],
)
def test_what_is_no_token_is_told_without_secrets(reply: EgressResponse, words: str) -> None:
    with pytest.raises(NoToken) as caught:
        TokenSource(ScriptedEgress(reply)).get("proj", given(), 5)
    assert words in caught.value.message
    assert "hush" not in caught.value.message


def test_a_server_that_does_not_answer_is_told_and_asked_again() -> None:
    egress = ScriptedEgress(EgressTimeout("https://login.example did not answer in time."))
    tokens = TokenSource(egress)
    for _ in range(2):
        with pytest.raises(NoToken, match=r"no access token .* did not answer in time\.$"):
            tokens.get("proj", given(), 5)
    assert len(egress.requests) == 2


# ---- calls --------------------------------------------------------------------------------------


def call(method: str = "post", port: int = 0, **fields: Any) -> ActionCall:
    server = f"http://127.0.0.1:{port}" if port else "https://api.example"
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "servers": [{"url": server}],
        "paths": {"/do": {method: {}}},
    }
    (operation,) = parse_document(document).operations
    return ActionCall("proj", operation.to_json(), {}, 5, "key-1", given(**fields))


def sent(egress: ScriptedEgress) -> list[str]:
    return [request.headers["Authorization"] for request in egress.requests]


def test_a_call_is_made_with_a_token_that_the_next_one_has_too() -> None:
    login, api = Answers(bearer("token-1")), ScriptedEgress(answer(ok=True))
    caller = ActionCaller(api, TokenSource(login))
    for _ in range(3):
        assert caller.call(call()).status == 200
    assert sent(api) == ["Bearer token-1"] * 3
    assert len(login.requests) == 1
    assert {key for _, key in api.limits} == {"key-1"}


def test_a_token_that_the_service_refuses_is_got_anew_once() -> None:
    login = Answers(bearer("revoked"), bearer("fresh"))
    api = Answers(answer(401), answer(ok=True))
    assert ActionCaller(api, TokenSource(login)).call(call()).status == 200
    assert sent(api) == ["Bearer revoked", "Bearer fresh"]
    stubborn = Answers(answer(401), answer(401))
    again = Answers(bearer("one"), bearer("two"))
    assert ActionCaller(stubborn, TokenSource(again)).call(call()).status == 401
    assert (len(stubborn.requests), len(again.requests)) == (2, 2)


def test_token_and_secret_are_hidden_in_what_comes_back() -> None:
    pair = base64.b64encode(b"me%3Atoo:hush%2Fhush%2B1").decode()
    body = json.dumps(["token-1", SECRET, "hush%2Fhush%2B1", pair]).encode()
    api = ScriptedEgress(EgressResponse(200, "application/json", body, False))
    told = ActionCaller(api, TokenSource(Answers(bearer("token-1")))).call(call()).output
    assert json.loads(told) == ["***"] * 4


def test_a_call_without_a_token_is_not_made() -> None:
    api = ScriptedEgress(answer())
    refused = ScriptedEgress(EgressFailed("https://login.example broke off the connection."))
    with pytest.raises(ActionFailed, match="no access token") as caught:
        ActionCaller(api, TokenSource(refused)).call(call())
    assert api.requests == []
    assert "may have acted" not in caught.value.message


def test_the_time_of_a_call_holds_for_its_token_too() -> None:
    clock = Clock()

    class Slow(ScriptedEgress):
        def send(self, request: PreparedRequest, **limits: Any) -> EgressResponse:
            clock.now += 4
            return super().send(request, **limits)

    api = ScriptedEgress(answer())
    ActionCaller(api, TokenSource(Slow(bearer("t")), clock), monotonic=clock).call(call())
    assert api.limits == [(1, "key-1")]
    slower = Slow(bearer("t"))
    late = ActionCaller(slower, TokenSource(slower, clock), monotonic=clock)
    with pytest.raises(ActionFailed, match="no time left"):
        late.call(ActionCall("proj", call().operation, {}, 3, "k", given()))


@pytest.mark.parametrize("url", ["http://169.254.169.254/token", "http://127.0.0.1:1/token"])
def test_a_token_is_asked_for_at_public_addresses_only(url: str) -> None:
    with pytest.raises(ActionFailed, match="no access token"):
        action_caller(EgressAllowList()).call(call(token_url=url))


@pytest.mark.parametrize("style", ["basic", "body"])
def test_no_redirect_takes_the_secret_to_another_place(style: str) -> None:
    def behave(exchange: Exchange, request: Received) -> None:
        host = f"http://localhost:{request.headers['host'].partition(':')[2]}"
        exchange.answer(307, Location=f"{host}/elsewhere")

    with http_service(behave) as service:
        allow = EgressAllowList.parse("127.0.0.1,localhost")
        url = f"http://127.0.0.1:{service.port}/token"
        with pytest.raises(ActionFailed, match="redirect"):
            action_caller(allow).call(call(token_url=url, auth_style=style))
        assert [one.target for one in service.received] == ["/token"]
