"""Events of a stream, as bytes that every client reads alike."""

import json

from hypothesis import given
from hypothesis import strategies as st
from openai._streaming import SSEDecoder

from core.errors import ServerFault
from core.event_log import Event, EventId
from core.sse import DONE, KEEPALIVE, error_text, event_text


def read(piece: bytes) -> dict[str, str]:
    """Return the fields of one event, by the most generous notion of a line there is."""
    assert piece.endswith(b"\n\n")
    return dict(line.split(": ", 1) for line in piece.decode().splitlines() if line)


@given(st.text())
def test_whatever_a_message_says_it_is_one_line(text: str) -> None:
    fields = read(event_text(EventId(3, 7), Event("thread.message.delta", {"text": text})))
    assert set(fields) == {"event", "id", "data"}
    assert (fields["event"], fields["id"]) == ("thread.message.delta", "3-7")
    assert json.loads(fields["data"]) == {"text": text}


def test_an_error_has_the_shape_that_the_sdks_raise() -> None:
    fields = read(error_text(ServerFault("Broken\noff.", code="stream_timeout")))
    assert fields["event"] == "error"
    assert json.loads(fields["data"]) == {
        "error": {
            "message": "Broken\noff.",
            "type": "server_error",
            "param": None,
            "code": "stream_timeout",
        }
    }
    assert "id" not in fields


def test_the_end_and_the_keepalive_are_as_clients_know_them() -> None:
    assert read(DONE) == {"event": "done", "data": "[DONE]"}
    assert KEEPALIVE.startswith(b":")


def test_comments_are_no_events_for_the_sdk() -> None:
    event = event_text(EventId(3, 7), Event("thread.message.delta", {"n": 1}))
    pieces = [KEEPALIVE, event, KEEPALIVE, KEEPALIVE, event, KEEPALIVE, DONE]
    events = list(SSEDecoder().iter_bytes(iter(pieces)))
    assert [(sse.event, sse.data) for sse in events] == [
        ("thread.message.delta", '{"n":1}'),
        ("thread.message.delta", '{"n":1}'),
        ("done", "[DONE]"),
    ]
