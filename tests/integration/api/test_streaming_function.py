"""The application as the Lambda Web Adapter asks it: each request is an invocation."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.replays import REPLAYED
from api.streaming import REQUEST_CONTEXT, Invocations
from tests.integration.api.support import created, make_assistant, make_thread
from tests.support.model import stop, text
from tests.support.streams import names_of, parse_stream, streaming
from tests.support.world import World
from wiring.bootstrap import ApiContext


class Function:
    """The function, with what happened to it in order."""

    def __init__(self, context: ApiContext, key: str, world: World) -> None:
        self.world = world
        self.happened: list[str] = []
        app = create_app(streaming(context, world.deliver_next))
        self.client = TestClient(
            Invocations(self._note_the_end(app)), headers={"Authorization": f"Bearer {key}"}
        )

    def _note_the_end(self, app: Any) -> Any:
        async def noting(scope: Any, receive: Any, send: Any) -> None:
            async def note(message: Any) -> None:
                await send(message)
                if message["type"] == "http.response.body" and not message.get("more_body"):
                    self.happened.append("answered")

            await app(scope, receive, note)

        return noting

    def gateway(self, arrived_ms: int | None = None) -> dict[str, str]:
        """Return the header by which the adapter passes on what the gateway says."""
        given = {} if arrived_ms is None else {"requestTimeEpoch": arrived_ms}
        return {REQUEST_CONTEXT: json.dumps({"stage": "live", **given})}


@pytest.fixture
def function(
    context: ApiContext, project_key: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> Function:
    """The function; its pushes are done when that is noted."""
    made = Function(context, project_key, world)
    monkeypatch.setattr("api.streaming.finish_pushes", lambda: made.happened.append("pushed"))
    return made


def metrics_of(output: str) -> list[dict[str, Any]]:
    """Return the metrics among the lines that a function has printed."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [line for line in lines if "_aws" in line]


def test_everything_is_pushed_and_measured_before_an_answer_ends(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    created(function.client.post("/v1/threads", json={}, headers=function.gateway()))
    assert function.happened == ["pushed", "answered"]
    (measured,) = metrics_of(capsys.readouterr().out)
    assert measured["Requests"] == [1]
    assert {"RequestTime", "StreamTime"} <= measured.keys()


def test_a_stream_is_one_invocation(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.world.model.turn(*text("Hello."), *stop())
    body = {"assistant_id": make_assistant(function.client), "stream": True}
    path = f"/v1/threads/{make_thread(function.client)}/runs"
    function.happened.clear()
    answer = function.client.post(path, json=body, headers=function.gateway())
    assert names_of(parse_stream(answer.text))[-2:] == ["run.completed", "done"]
    assert function.happened == ["pushed", "answered"]
    (measured,) = metrics_of(capsys.readouterr().out)
    assert measured["Requests"] == [1]


def test_the_adapters_question_whether_the_server_is_up_is_no_invocation(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    assert function.client.get("/health").status_code == 200
    assert function.happened == ["answered"]
    assert metrics_of(capsys.readouterr().out) == []


def test_when_the_gateway_got_a_request_tells_attempts_apart(
    function: Function, world: World
) -> None:
    now = world.clock()
    retry = function.gateway(now + 5_000) | {"x-stainless-retry-count": "1"}
    created(function.client.post("/v1/threads", json={}, headers=retry))
    # The first attempt, which an instance that had to start held back until its retry was answered.
    late = function.client.post("/v1/threads", json={}, headers=function.gateway(now))
    assert late.headers[REPLAYED] == "true"
