"""Connecting with tickets in place of the key: each is good for one connection."""

import logging
from typing import Any

import pytest

from tests.integration.clients.fake_gateway import (
    PATIENCE_SECONDS,
    RUN,
    THREAD,
    FakeGateway,
    event,
    served,
)
from tests.integration.clients.fronts import AnyClient, make_client, state_of
from threadrunner_client import AuthenticationError, ConnectionLost, Timing

pytestmark = pytest.mark.usefixtures("front")
TIMING = Timing(first_delay=0.01, longest_delay=0.05, give_up_after=PATIENCE_SECONDS)
KEY = "tr-very-secret-key"
TICKET = "ticket/secret+1"


def read(client: AnyClient) -> list[str]:
    with client as opened:
        return [each.id for each in opened.subscribe(thread_id=THREAD, run_id=RUN)]


def cut_once(gateway: FakeGateway) -> None:
    """Serve a run over two connections."""
    first = gateway.next_connection()
    first.accept()
    first.push(None, event("1-0"))
    first.cut()
    second = gateway.next_connection()
    second.accept(after="1-0")
    second.push("1-0", event("1-1", "thread.run.completed"))


def test_each_connection_gets_a_ticket_of_its_own_and_no_key() -> None:
    tickets = iter(["first/+", "second"])
    with served(cut_once) as gateway:
        client = make_client(gateway.url, KEY, ticket=lambda: next(tickets), timing=TIMING)
        assert read(client) == ["1-0", "1-1"]
    assert [each.authorization for each in gateway.connections] == [None, None]
    paths = [each.path for each in gateway.connections]
    assert paths == ["/live?ticket=first%2F%2B", "/live?ticket=second"]


def test_a_ticket_joins_what_the_url_already_asks_for() -> None:
    with served(cut_once) as gateway:
        client = make_client(f"{gateway.url}?v=1", ticket=lambda: "t", timing=TIMING)
        read(client)
    assert {each.path for each in gateway.connections} == {"/live?v=1&ticket=t"}


def test_a_ticket_that_is_given_as_a_text_is_good_until_a_connection_stood() -> None:
    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        connection.push(None, event("1-0"))
        connection.cut()

    with served(script) as gateway:
        gateway.refusals.extend([503, 503])
        client = make_client(gateway.url, ticket=TICKET, timing=TIMING)
        with pytest.raises(ConnectionLost, match="good for one only: give the client a function"):
            read(client)
        assert gateway.handshakes == 3


def test_a_ticket_that_cannot_be_had_at_first_is_asked_for_again() -> None:
    answers: list[Any] = [RuntimeError("secret"), None, b"no text", "t"]

    def get() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        connection.accept()
        connection.push(None, event("1-0", "thread.run.completed"))

    with served(script) as gateway:
        assert read(make_client(gateway.url, ticket=get, timing=TIMING)) == ["1-0"]
        assert gateway.handshakes == 1
    assert answers == []


def test_an_error_says_what_kept_tickets_away_but_not_what_it_said() -> None:
    def get() -> str:
        raise RuntimeError(f"POST with {TICKET} failed")

    timing = Timing(first_delay=0.01, give_up_after=0.1)
    with served() as gateway:
        client = make_client(gateway.url, ticket=get, timing=timing)
        with pytest.raises(ConnectionLost, match=r"no ticket could be had \(RuntimeError\)") as met:
            read(client)
    assert TICKET not in str(met.value)


@pytest.mark.parametrize(
    ("answer", "kind"), [(None, "NoneType"), (b"secret", "bytes"), ("", "str")]
)
def test_an_error_says_what_was_given_in_the_place_of_a_ticket(answer: Any, kind: str) -> None:
    timing = Timing(first_delay=0.01, give_up_after=0.1)
    with served() as gateway:
        client = make_client(gateway.url, ticket=lambda: answer, timing=timing)
        with pytest.raises(ConnectionLost, match=f"no ticket was given, but a {kind}") as met:
            read(client)
        assert gateway.handshakes == 0
    assert "secret" not in str(met.value)


def test_a_function_can_end_the_client_with_an_error_of_its_own() -> None:
    def get() -> str:
        raise AuthenticationError("The session is over.")

    with served() as gateway:
        client = make_client(gateway.url, ticket=get, timing=TIMING)
        with pytest.raises(AuthenticationError, match="The session is over"):
            read(client)
        assert gateway.handshakes == 0


def test_a_ticket_is_shown_nowhere(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets.client").setLevel(logging.DEBUG)
    logging.getLogger("websockets.server").setLevel(logging.WARNING)

    def script(gateway: FakeGateway) -> None:
        connection = gateway.next_connection()
        gateway.refusals.append(401)
        connection.cut()

    with served(script) as gateway:
        client = make_client(gateway.url, ticket=lambda: TICKET, timing=TIMING)
        with pytest.raises(AuthenticationError, match=r"accept the ticket \(HTTP 401\)") as caught:
            read(client)
    shown = repr(client) + repr(state_of(client)) + repr(caught.value) + caplog.text
    out, err = capfd.readouterr()
    assert "secret" not in shown + out + err


def test_a_client_needs_a_key_or_a_ticket() -> None:
    with pytest.raises(ValueError, match="needs an API key or a ticket"):
        make_client("wss://example.org")
