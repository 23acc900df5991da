"""Events that were too large for a frame: the client fetches them over HTTP, in their place."""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
from tests.integration.clients.fronts import make_client
from threadrunner_client import AuthenticationError, EventUnavailable, Timing

pytestmark = pytest.mark.usefixtures("front")
KEY = "tr-very-secret-key"
HREF = f"/v1/threads/{THREAD}/runs/{RUN}/events?after=1-0&limit=1"
BIG = {"id": "1-1", "event": "thread.message.completed", "data": None, "href": HREF}
TIMING = Timing(first_delay=0.01, longest_delay=0.02, give_up_after=PATIENCE_SECONDS)


@dataclass
class Api:
    """An HTTP API that gives the answers that a test put into it.

    Attributes:
        answers: status and body of the next answers; the last one stays.
        asked: path and `Authorization` of each request.
    """

    answers: deque[tuple[int, Any]] = field(default_factory=deque)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    base_url: str = ""


@contextmanager
def running_api(
    *answers: tuple[int, Any], before: Callable[[], None] = lambda: None
) -> Iterator[Api]:
    api = Api(deque(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            api.asked.append((self.path, self.headers.get("Authorization")))
            before()
            status, body = api.answers.popleft() if len(api.answers) > 1 else api.answers[0]
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            if status == 302:
                self.send_header("Location", f"{api.base_url}/elsewhere")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    api.base_url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def whole(event_id: str = "1-1", **data: Any) -> dict[str, Any]:
    return {"object": "list", "data": [event(event_id, "thread.message.completed", **data)]}


def script(gateway: FakeGateway) -> None:
    """Serve a run whose second event goes by reference."""
    connection = gateway.next_connection()
    connection.accept()
    connection.push(None, event("1-0"), BIG, event("1-2", "thread.run.completed"))


def read(base_url: str | None, timing: Timing = TIMING) -> list[tuple[str, dict[str, Any]]]:
    with (
        served(script) as gateway,
        make_client(gateway.url, KEY, base_url=base_url, timing=timing) as client,
    ):
        return [(each.id, each.data) for each in client.subscribe(thread_id=THREAD, run_id=RUN)]


@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/", "/stage/v1"])
def test_a_large_event_is_fetched_with_the_key_and_takes_its_place(tail: str) -> None:
    with running_api((200, whole(text="x" * 200_000))) as api:
        came = read(api.base_url + tail)
    assert came == [("1-0", {}), ("1-1", {"text": "x" * 200_000}), ("1-2", {})]
    stage = "/stage" if "stage" in tail else ""
    assert api.asked == [(stage + HREF, f"Bearer {KEY}")]


def test_a_fetch_that_fails_for_a_moment_is_repeated() -> None:
    with running_api((500, {}), (429, {}), (503, {}), (200, whole(n=1))) as api:
        assert read(api.base_url)[1] == ("1-1", {"n": 1})
    assert len(api.asked) == 4


def test_without_the_apis_address_a_large_event_is_an_error_that_says_so() -> None:
    with pytest.raises(EventUnavailable, match=r"needs the API's base_url\."):
        read(None)


def test_a_large_event_that_could_not_be_fetched_is_not_skipped() -> None:
    with (
        running_api((404, {}), (200, whole(n=1))) as api,
        served(script) as gateway,
        make_client(gateway.url, KEY, base_url=api.base_url, timing=TIMING) as client,
    ):
        events = client.subscribe(thread_id=THREAD, run_id=RUN)
        came = iter(events)
        assert next(came).id == "1-0"
        with pytest.raises(EventUnavailable, match="'1-1' could not be fetched: HTTP status 404"):
            next(came)
        assert events.last == "1-0"
        assert [each.id for each in events] == ["1-1", "1-2"]


def test_a_fetch_that_keeps_failing_is_given_up() -> None:
    timing = Timing(first_delay=0.01, give_up_after=0.2)
    with (
        running_api((500, {})) as api,
        pytest.raises(EventUnavailable, match="could not be fetched: HTTP status 500"),
    ):
        read(api.base_url, timing)
    assert len(api.asked) > 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_the_api_refuses_is_an_error_at_once(status: int) -> None:
    with running_api((status, {})) as api, pytest.raises(AuthenticationError) as caught:
        read(api.base_url)
    assert len(api.asked) == 1
    assert KEY not in str(caught.value) + repr(caught.value.__context__)


def test_a_redirect_is_not_followed_because_it_would_take_the_key_along() -> None:
    with (
        running_api((302, {}), (200, whole())) as api,
        pytest.raises(EventUnavailable, match="HTTP status 302"),
    ):
        read(api.base_url)
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        whole("1-2"),
        {"data": []},
        {"data": [{"id": "1-1"}]},
        [],
        {},
        "x",
        {"data": [{"id": "1-1", "data": 1}]},
    ],
)
def test_an_answer_that_is_not_the_event_is_an_error(body: Any) -> None:
    with (
        running_api((200, body)) as api,
        pytest.raises(EventUnavailable, match="something other than event '1-1'"),
    ):
        read(api.base_url)


@pytest.mark.parametrize("href", ["//evil.example/v1/x", "https://evil.example/v1/x", "/other"])
def test_a_reference_to_a_place_outside_the_api_is_not_followed(
    href: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BIG, "href", href)
    with (
        running_api((200, whole())) as api,
        pytest.raises(EventUnavailable, match="refers to a place outside the API"),
    ):
        read(api.base_url)
    assert api.asked == []


@pytest.mark.parametrize(
    "base_url", ["ftp://x.example", "https://", "https://u:p@x.example/v1", "https://x.example?y=1"]
)
def test_a_base_url_that_is_none_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match="base URL"):
        make_client("wss://x.example", KEY, base_url=base_url)
