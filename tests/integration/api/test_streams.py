"""Runs as server-sent events: what OpenAI's clients read, from the log and from nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from adapters.dynamodb.errors import StoreSilent
from api.replays import REPLAYED
from core.stream_pace import LONGEST_SECONDS
from tests.integration.api.conftest import with_key
from tests.integration.api.support import (
    WEATHER,
    created,
    make_assistant,
    make_run,
    make_thread,
    refused,
)
from tests.support.model import call, stop, text
from tests.support.orders import CALLS, HEAD, MESSAGE
from tests.support.streams import DONE, Sent, names_of, parse_stream, streaming
from tests.support.world import TENANT, World
from wiring.bootstrap import ApiContext

EVENTS = {"accept": "text/event-stream"}
RETRY = {"x-stainless-retry-count": "1"}


class Streams:
    """A client of a process that streams, and the world that moves meanwhile."""

    def __init__(self, context: ApiContext, key: str, world: World) -> None:
        self.context = context
        self.key = key
        self.world = world
        self.client = self.client_while()

    def client_while(self, *acts: Callable[[], object], **settings: Any) -> TestClient:
        """Return a client; what happens while its streams are read are the acts."""
        return with_key(streaming(self.context, *acts, **settings), self.key)

    def while_it_answers(self, **settings: Any) -> TestClient:
        """Return a client in whose stream the next step is carried out."""
        return self.client_while(self.world.deliver_next, **settings)

    def run(self, **fields: Any) -> str:
        """Create a run as JSON, and return its path."""
        thread = make_thread(self.client, "Hello")
        run = make_run(self.client, thread, make_assistant(self.client, tools=[WEATHER]), **fields)
        return f"/v1/threads/{thread}/runs/{run['id']}"

    def waiting_run(self) -> str:
        """Have a run ask for the weather, and return its path."""
        path = self.run()
        self.world.model.turn(*call("get_weather", "{}", "call_1"), *stop("tool_calls"))
        assert self.world.deliver_next()
        return path


@pytest.fixture
def streams(context: ApiContext, project_key: str, world: World) -> Streams:
    """A client of a process that streams, and the world that moves meanwhile."""
    return Streams(context, project_key, world)


def stream_of(answer: Any) -> list[Sent]:
    """Return the events of an answer that is a stream."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    return parse_stream(answer.text)


def logged(client: TestClient, path: str, after: str = "") -> list[Sent]:
    """Return a run's log as the JSON pages have it, as a stream would send it."""
    page = created(client.get(f"{path}/events", params={"limit": 100, "after": after}))
    assert not page["has_more"]
    return [Sent(event["event"], event["data"], event["id"]) for event in page["data"]]


def creation(streams: Streams, **fields: Any) -> tuple[str, dict[str, Any]]:
    """Return where a run is created, and of what."""
    thread = make_thread(streams.client, "Hello")
    assistant = make_assistant(streams.client, tools=[WEATHER])
    return f"/v1/threads/{thread}/runs", {"assistant_id": assistant, "stream": True, **fields}


def test_a_new_run_is_streamed_to_its_end_as_it_is_logged(streams: Streams) -> None:
    streams.world.model.turn(*text("Good", " day", "."), *stop())
    path, body = creation(streams)
    answer = streams.while_it_answers().post(path, json=body)
    sent = stream_of(answer)
    assert names_of(sent) == [*HEAD, *MESSAGE, "run.completed", "done"]
    assert sent[-1] == Sent("done", DONE)
    run = sent[0].data["id"]
    assert sent[:-1] == logged(streams.client, f"{path}/{run}")
    assert answer.headers["cache-control"] == "no-cache, no-transform"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["x-request-id"].startswith("req_")


def test_a_thread_and_its_run_are_streamed_from_the_threads_creation(streams: Streams) -> None:
    streams.world.model.turn(*text("Hello."), *stop())
    body = {"assistant_id": make_assistant(streams.client), "stream": True}
    sent = stream_of(streams.while_it_answers().post("/v1/threads/runs", json=body))
    assert names_of(sent) == ["created", *HEAD, *MESSAGE, "run.completed", "done"]
    assert sent[0].data["object"] == "thread"


def test_a_run_that_asks_for_a_call_is_streamed_until_it_waits(streams: Streams) -> None:
    streams.world.model.turn(*call("get_weather", "{}", "call_1"), *stop("tool_calls"))
    path, body = creation(streams)
    sent = stream_of(streams.while_it_answers().post(path, json=body))
    assert names_of(sent) == [*HEAD, *CALLS, "run.requires_action", "done"]
    run = created(streams.client.get(f"{path}/{sent[0].data['id']}"))
    assert run["status"] == "requires_action"


def test_submitted_outputs_are_streamed_from_what_they_change(streams: Streams) -> None:
    path = streams.waiting_run()
    before = logged(streams.client, path)
    streams.world.model.turn(*text("It rains."), *stop())
    body = {"tool_outputs": [{"tool_call_id": "call_1", "output": "rain"}], "stream": True}
    submit = f"{path}/submit_tool_outputs"
    sent = stream_of(streams.while_it_answers().post(submit, json=body))
    told = ["run.step.completed", "run.queued", "run.in_progress", *MESSAGE, "run.completed"]
    assert names_of(sent) == [*told, "done"]
    assert before + sent[:-1] == logged(streams.client, path)


def test_a_run_that_is_cancelled_ends_its_stream(streams: Streams) -> None:
    path, body = creation(streams)
    client = streams.client_while(lambda: cancel(streams, path))
    sent = stream_of(client.post(path, json=body))
    assert names_of(sent) == [
        "run.created",
        "run.queued",
        "run.cancelling",
        "run.cancelled",
        "done",
    ]


def cancel(streams: Streams, path: str) -> None:
    """Cancel the only run of a thread."""
    (run,) = created(streams.client.get(path))["data"]
    created(streams.client.post(f"{path}/{run['id']}/cancel"))


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"temperature": 3}, 400, "temperature"),
        ({"assistant_id": "asst_none"}, 404, None),
        ({"stream": "yes"}, 400, "stream"),
    ],
)
def test_what_fails_before_the_stream_is_an_ordinary_error(
    streams: Streams, fields: dict[str, Any], status: int, param: str | None
) -> None:
    path, body = creation(streams)
    assert refused(streams.client.post(path, json=body | fields), status)["param"] == param
    assert created(streams.client.get(path))["data"] == []


def test_a_busy_thread_and_a_stranger_are_told_as_ever(
    streams: Streams, anonymous: TestClient
) -> None:
    path, body = creation(streams)
    active = make_run(streams.client, path.split("/")[3], body["assistant_id"])["id"]
    error = refused(streams.client.post(path, json=body))
    assert error["message"].endswith(f"already has an active run {active}.")
    assert refused(anonymous.post(path, json=body), 401)["code"] == "invalid_api_key"


# ---- a request that comes again -----------------------------------------------------------------


@pytest.mark.fault("stream-request-again")
@pytest.mark.parametrize("headers", [RETRY, {"idempotency-key": "k"}])
def test_a_repeated_creation_streams_the_first_ones_run_again(
    streams: Streams, headers: dict[str, str]
) -> None:
    streams.world.model.turn(*text("Good", " day."), *stop())
    path, body = creation(streams)
    first = streams.while_it_answers().post(path, json=body, headers=headers)
    assert REPLAYED not in first.headers
    again = streams.client.post(path, json=body, headers=headers)
    assert stream_of(again) == stream_of(first)
    assert again.headers[REPLAYED] == "true"
    assert len(created(streams.client.get(path))["data"]) == 1


@pytest.mark.fault("stream-request-again")
def test_a_repeated_submission_streams_from_the_same_place(streams: Streams) -> None:
    path = streams.waiting_run()
    streams.world.model.turn(*call("get_weather", "{}", "call_2"), *stop("tool_calls"))
    body = {"tool_outputs": [{"tool_call_id": "call_1", "output": "rain"}], "stream": True}
    submit = f"{path}/submit_tool_outputs"
    first = stream_of(streams.while_it_answers().post(submit, json=body))
    assert names_of(first)[-2:] == ["run.requires_action", "done"]
    assert stream_of(streams.client.post(submit, json=body, headers=RETRY)) == first


def test_a_repeated_stream_is_refused_where_nothing_streams(
    streams: Streams, client: TestClient
) -> None:
    streams.world.model.turn(*text("Hi."), *stop())
    path, body = creation(streams)
    stream_of(streams.while_it_answers().post(path, json=body))
    assert refused(client.post(path, json=body, headers=RETRY))["code"] == "unsupported_value"


# ---- taking a stream up -------------------------------------------------------------------------


@pytest.mark.parametrize("way", [{"headers": EVENTS}, {"params": {"stream": "true"}}])
def test_a_stream_is_taken_up_from_the_start(streams: Streams, way: dict[str, Any]) -> None:
    path = streams.run()
    streams.world.model.turn(*text("Good", " day."), *stop())
    sent = stream_of(streams.while_it_answers().get(f"{path}/events", **way))
    assert sent == [*logged(streams.client, path), Sent("done", DONE)]


def test_a_stream_is_taken_up_behind_each_of_its_events(streams: Streams) -> None:
    path = streams.run()
    streams.world.model.turn(*text("Good", " day."), *stop())
    assert streams.world.deliver_next()
    whole = logged(streams.client, path)
    for place, event in enumerate(whole, 1):
        rest = [*whole[place:], Sent("done", DONE)]
        named, ways = EVENTS | {"last-event-id": event.id}, list[dict[str, Any]]()
        ways.append({"headers": named})
        ways.append({"headers": EVENTS, "params": {"after": event.id}})
        ways.append({"headers": named, "params": {"after": whole[0].id}})
        for way in ways:
            assert stream_of(streams.client.get(f"{path}/events", **way)) == rest


def test_without_the_wish_for_a_stream_events_are_a_page(streams: Streams) -> None:
    path = streams.run()
    ways: list[dict[str, Any]] = [{}, {"headers": EVENTS, "params": {"stream": "false"}}]
    for way in ways:
        assert created(streams.client.get(f"{path}/events", **way))["object"] == "list"


@pytest.mark.parametrize(
    ("headers", "params", "param"),
    [
        ({"last-event-id": "x"}, {}, "Last-Event-ID"),
        ({"last-event-id": "1-"}, {"after": "0-0"}, "Last-Event-ID"),
        ({}, {"after": "evt_1"}, "after"),
    ],
)
def test_a_place_that_is_no_event_id_is_refused(
    streams: Streams, headers: dict[str, str], params: dict[str, str], param: str
) -> None:
    path = f"{streams.run()}/events"
    error = refused(streams.client.get(path, headers=EVENTS | headers, params=params))
    assert (error["param"], error["code"]) == (param, "invalid_value")


def test_a_run_that_waits_for_its_client_has_nothing_more_to_stream(streams: Streams) -> None:
    path = streams.waiting_run()
    last = logged(streams.client, path)[-1]
    answer = streams.client.get(f"{path}/events", headers=EVENTS | {"last-event-id": last.id})
    assert stream_of(answer) == [Sent("done", DONE)]


def test_behind_what_a_run_waited_for_its_stream_goes_on(streams: Streams) -> None:
    path = streams.waiting_run()
    last = logged(streams.client, path)[-1]
    body = {"tool_outputs": [{"tool_call_id": "call_1", "output": "rain"}]}
    created(streams.client.post(f"{path}/submit_tool_outputs", json=body))
    streams.world.model.turn(*text("It rains."), *stop())
    headers = EVENTS | {"last-event-id": last.id}
    sent = stream_of(streams.while_it_answers().get(f"{path}/events", headers=headers))
    assert sent[0].event == "thread.run.step.completed"
    assert sent[-2].event == "thread.run.completed"


def forget(world: World, path: str, keep: int) -> None:
    """Take a run's oldest batches out of the log, as their time to live does; keep the newest."""
    run = path.rsplit("/", 1)[1]
    batches = world.runner.event_log.read(TENANT, run)
    log: Any = world.runner.event_log
    for batch in batches[: len(batches) - keep]:
        key = {name: log._item(TENANT, run, batch)[name] for name in ("pk", "sk")}
        log._client.delete_item(TableName=log._table, Key=key)


@pytest.mark.fault("stream-log-gone")
@pytest.mark.parametrize("keep", [0, 1])
def test_events_that_are_no_longer_in_the_log_are_told_and_not_skipped(
    streams: Streams, keep: int
) -> None:
    path = streams.run()
    streams.world.model.turn(*text("Good", " day."), *stop())
    assert streams.world.deliver_next()
    whole = logged(streams.client, path)
    forget(streams.world, path, keep)
    for headers in (EVENTS, EVENTS | {"last-event-id": whole[1].id}):
        error = refused(streams.client.get(f"{path}/events", headers=headers))
        assert (error["param"], error["code"]) == ("after", "events_expired")
    headers = EVENTS | {"last-event-id": whole[-1].id}
    answer = streams.client.get(f"{path}/events", headers=headers)
    assert stream_of(answer) == [Sent("done", DONE)]


def test_a_stream_of_a_run_that_is_not_there_is_a_404(
    streams: Streams, stranger: TestClient
) -> None:
    path = streams.run()
    answer = streams.client.get(f"{path}none/events", headers=EVENTS)
    assert refused(answer, 404)["message"].startswith("No run found with id")
    other = with_key(streaming(streams.context), stranger.headers["authorization"][7:])
    refused(other.get(f"{path}/events", headers=EVENTS), 404)


# ---- what can become of a stream ----------------------------------------------------------------


def error_of(sent: list[Sent]) -> Any:
    """Return the error that breaks a stream off."""
    assert sent[-1].event == "error"
    error = sent[-1].data["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


@pytest.mark.fault("stream-time-up")
def test_a_stream_whose_time_is_up_says_how_to_go_on(streams: Streams) -> None:
    path, body = creation(streams)
    sent = stream_of(streams.client_while(stream_seconds=0).post(path, json=body))
    assert names_of(sent) == ["run.created", "run.queued", "error"]
    error = error_of(sent)
    assert (error["type"], error["code"]) == ("server_error", "stream_timeout")
    run = sent[0].data["id"]
    assert f"GET {path}/{run}/events" in error["message"]
    assert f"'Last-Event-ID: {sent[1].id}'" in error["message"]


def test_a_silent_stream_is_kept_alive_by_comments(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.stream_pace.KEEPALIVE_SECONDS", LONGEST_SECONDS)
    streams.world.model.turn(*text("Hi."), *stop())
    path, body = creation(streams)
    answer = streams.client_while(lambda: None, streams.world.deliver_next).post(path, json=body)
    assert names_of(stream_of(answer))[-2:] == ["run.completed", "done"]
    assert "\n\n: keepalive\n" in answer.text


@pytest.mark.fault("stream-log-silent")
def test_a_stream_outlives_a_table_that_is_silent_for_a_moment(streams: Streams) -> None:
    def silent() -> None:
        raise StoreSilent("The table did not answer.")

    streams.world.model.turn(*text("Hi."), *stop())
    path, body = creation(streams)
    client = streams.client_while(silent, silent, streams.world.deliver_next)
    sent = stream_of(client.post(path, json=body))
    assert names_of(sent)[-2:] == ["run.completed", "done"]


@pytest.mark.fault("stream-log-silent")
def test_a_stream_ends_with_an_error_when_the_table_is_silent_for_long(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent() -> None:
        raise StoreSilent("The table did not answer.")

    monkeypatch.setattr("api.event_stream._PATIENCE_SECONDS", 0)
    path, body = creation(streams)
    error = error_of(stream_of(streams.client_while(silent).post(path, json=body)))
    assert (error["type"], error["code"]) == ("server_error", "stream_interrupted")


def test_an_error_that_nobody_expected_says_nothing_of_what_it_was_about(
    streams: Streams,
) -> None:
    def fail() -> None:
        raise RuntimeError("the secret")

    path, body = creation(streams)
    answer = streams.client_while(fail).post(path, json=body)
    error = error_of(stream_of(answer))
    assert error["type"] == "server_error"
    assert answer.headers["x-request-id"] in error["message"]
    assert "the secret" not in answer.text


def test_a_run_that_is_deleted_ends_its_stream(
    streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.stream_pace.DOUBT_SECONDS", 0.0)
    path, body = creation(streams)

    def delete() -> None:
        run = created(streams.client.get(path))["data"][0]["id"]
        forget(streams.world, f"{path}/{run}", 0)
        runs: Any = streams.world.runner.runs
        key = {"pk": {"S": f"{TENANT}#thread#{path.split('/')[3]}"}, "sk": {"S": f"run#{run}"}}
        runs._client.delete_item(TableName="state", Key=key)

    error = error_of(stream_of(streams.client_while(delete).post(path, json=body)))
    assert error["message"].startswith("No run found with id")


# ---- a process that does not stream -------------------------------------------------------------


def test_a_process_that_does_not_stream_says_what_to_use(
    streams: Streams, client: TestClient
) -> None:
    path, body = creation(streams)
    run = streams.run()
    for answer in (
        client.post(path, json=body),
        client.post("/v1/threads/runs", json=body),
        client.get(f"{run}/events", headers=EVENTS),
        client.get(f"{run}/events?stream=true"),
    ):
        error = refused(answer)
        assert (error["param"], error["code"]) == ("stream", "unsupported_value")
        assert "wss://socket.test/live" in error["message"]
    assert created(client.get(path))["data"] == []
