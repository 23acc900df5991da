"""The way of a run through everything that will exist on AWS."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from openai import AzureOpenAI, NotFoundError

from infra.local.info import StackInfo
from tests.support.orders import CALLS, HEAD, MESSAGE
from tests.support.service import Service, names_of, script, text_of, tokens
from threadrunner_client import Client, Event

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@pytest.fixture(params=["uvicorn", "gateway"])
def service(request: pytest.FixtureRequest, stack: StackInfo) -> Service:
    """The service by each of the two ways to its API."""
    return Service(stack, stack.base_url if request.param == "uvicorn" else stack.gateway_base_url)


class _Departures(BaseHTTPRequestHandler):
    """A small real service: when the next boat leaves."""

    def do_GET(self) -> None:
        key = self.headers.get("Authorization", "no key")
        body = f'{{"asked": "{self.path}", "departs": "12:40", "key": "{key}"}}'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def departures() -> Iterator[str]:
    """The URL of a small real service on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Departures)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def register_departures(service: Service, url: str, **fields: Any) -> dict[str, str]:
    """Register the service's one operation; return the tool."""
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Departures", "version": "1"},
        "servers": [{"url": url}],
        "paths": {
            "/harbours/{harbour}/next": {
                "get": {
                    "operationId": "next_departure",
                    "summary": "When the next boat leaves.",
                    "parameters": [
                        {
                            "name": "harbour",
                            "in": "path",
                            "required": True,
                            "schema": {"type": "string"},
                        }
                    ],
                    "responses": {"200": {"description": "The departure."}},
                }
            }
        },
    }
    body = {"openapi_schema": document, **fields}
    actions = service.sdk.post("/actions", body=body, cast_to=object)
    assert isinstance(actions, dict)
    (action,) = actions["data"]
    assert action["name"] == "next_departure"
    return {"type": "action", "id": action["id"]}


def test_a_plain_answer_streams_while_the_model_is_still_talking(service: Service) -> None:
    thread_id = service.thread(script({"text": {"tokens": 60}, "rate": 20}))
    with (
        Client(service.info.websocket_url, service.info.api_key) as client,
        client.subscribe(thread_id=thread_id, until="pause", timeout=60) as stream,
    ):
        run = service.start(thread_id)
        assert run.status == "queued"
        arrived: list[tuple[float, Event]] = [(time.time(), event) for event in stream]
    events = [event for _, event in arrived]
    assert names_of(events) == [*HEAD, *MESSAGE, "run.completed"]
    assert text_of(events) == tokens(60)
    deltas = [at for at, event in arrived if event.event == "thread.message.delta"]
    assert len(deltas) > 20, "60 tokens in 3 s are not pushed in a few lumps"
    asked = next(
        request
        for request in service.model_requests()
        if request["body"]["messages"][-1]["content"] == _content(service, thread_id)
    )
    assert deltas[0] < asked["chunk_times"][-1] - 1, "the first delta waits for no other"
    assert [event.id for event in events] == service.logged(run)
    done = service.run(run)
    assert done.status == "completed"
    assert done.usage is not None
    assert done.usage.completion_tokens == 60
    message = service.sdk.beta.threads.messages.list(thread_id).data[0]
    assert message.content[0].type == "text"
    assert message.content[0].text.value == tokens(60)


def _content(service: Service, thread_id: str) -> str:
    part = service.sdk.beta.threads.messages.list(thread_id, order="asc").data[0].content[0]
    assert part.type == "text"
    return part.text.value


def test_the_models_are_the_backends(service: Service) -> None:
    (model,) = service.sdk.models.list()
    assert model.id == service.info.model.name
    assert service.sdk.models.retrieve(model.id) == model
    with pytest.raises(NotFoundError) as missing:
        service.sdk.models.retrieve("meta/llama-3:8b")
    # The name arrives as it was sent, whatever the gateway does with its slash.
    assert missing.value.body == {
        "message": "The model 'meta/llama-3:8b' does not exist",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }


def test_azures_client_drives_a_run(service: Service) -> None:
    sdk = AzureOpenAI(
        azure_endpoint=service.base_url.removesuffix("/v1"),
        azure_deployment="any",
        api_key=service.info.api_key,
        api_version="2024-05-01-preview",
        timeout=60,
    )
    assistant = sdk.beta.assistants.create(model=service.info.model.name)
    thread = sdk.beta.threads.create(
        messages=[{"role": "user", "content": script({"text": "Hello."})}]
    )
    run = sdk.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=200
    )
    assert run.status == "completed"
    (content,) = sdk.beta.threads.messages.list(thread.id).data[0].content
    assert content.type == "text"
    assert content.text.value == "Hello."


def test_an_action_goes_through_the_state_machine_and_its_output_to_the_model(
    service: Service, departures: str
) -> None:
    tool = register_departures(service, departures)
    arguments = {"harbour": "Bergen/Vågen?x=1"}
    thread_id = service.thread(
        script({"calls": [{"name": "next_departure", "arguments": arguments}]}, {"text": "12:40."})
    )
    run = service.start(thread_id, tools=[tool])
    events = service.watch(run)
    assert names_of(events) == [
        *HEAD,
        *CALLS,
        "run.step.completed",
        *MESSAGE,
        "run.completed",
    ]
    steps = service.sdk.beta.threads.runs.steps.list(run.id, thread_id=thread_id, order="asc").data
    assert [step.status for step in steps] == ["completed", "completed"]
    details = steps[0].step_details.model_dump(warnings=False)
    (call,) = details["tool_calls"]
    assert call["type"] == "action"
    assert call["action"]["name"] == "next_departure"
    assert "12:40" in call["action"]["output"]
    # An argument is data: it cannot leave its place in the path.
    assert "/harbours/Bergen%2FV%C3%A5gen%3Fx%3D1/next" in call["action"]["output"]
    told = service.model_requests()[-1]["body"]["messages"][-1]
    assert told["role"] == "tool"
    assert told["content"] == call["action"]["output"]


def test_credentials_reach_the_service_and_are_masked_for_everybody_else(
    service: Service, departures: str
) -> None:
    registered = {"type": "bearer", "secret": "registered-secret"}
    tool = register_departures(service, departures, authentication=registered)
    call = {"name": "next_departure", "arguments": {"harbour": "Oslo"}}
    own = {tool["id"]: {"type": "custom", "content": {"Authorization": "Key own-secret"}}}
    for extra, scheme in (({}, "Bearer"), ({"action_authentications": own}, "Key")):
        thread_id = service.thread(script({"calls": [call]}, {"text": "12:40."}))
        run = service.start(thread_id, tools=[tool], extra_body=extra)
        assert names_of(service.watch(run))[-1] == "run.completed"
        told = service.model_requests()[-1]["body"]["messages"][-1]["content"]
        hidden = "***" if scheme == "Key" else "Bearer ***"
        assert f'"key": "{hidden}"' in told


def test_a_web_search_shows_under_its_own_type(service: Service) -> None:
    search: Any = {"type": "web_search", "allowed_domains": ["tides.example"]}
    call = {"name": "web_search", "arguments": {"query": "high tide in Oslo"}}
    thread_id = service.thread(script({"calls": [call]}, {"text": "At noon."}))
    run = service.start(thread_id, tools=[search])
    assert names_of(service.watch(run))[-1] == "run.completed"
    steps = service.sdk.beta.threads.runs.steps.list(run.id, thread_id=thread_id, order="asc").data
    (shown,) = steps[0].step_details.model_dump(warnings=False)["tool_calls"]
    assert shown["type"] == "web_search"
    assert json.loads(shown["web_search"]["output"]) == [
        {
            "title": "Tides",
            "url": "https://tides.example/",
            "snippet": "For high tide in Oslo site:tides.example.",
        }
    ]


def test_a_function_is_answered_by_the_client_and_the_run_goes_on(service: Service) -> None:
    thread_id = service.thread(
        script(
            {"calls": [{"name": "get_weather", "arguments": {"city": "Oslo"}}]},
            {"text": "It rains."},
        )
    )
    run = service.start(thread_id, tools=[WEATHER])
    first = service.watch(run)
    assert names_of(first) == [*HEAD, *CALLS, "run.requires_action"]
    waiting = service.run(run)
    assert waiting.required_action is not None
    (call,) = waiting.required_action.submit_tool_outputs.tool_calls
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city":"Oslo"}')

    queued = service.sdk.beta.threads.runs.submit_tool_outputs(
        run.id, thread_id=thread_id, tool_outputs=[{"tool_call_id": call.id, "output": "rain"}]
    )
    assert queued.status == "queued"
    second = service.watch(run, after=first[-1].id)
    assert names_of(second) == [
        "run.step.completed",
        "run.queued",
        "run.in_progress",
        *MESSAGE,
        "run.completed",
    ]
    assert text_of(second) == "It rains."
    assert [event.id for event in (*first, *second)] == service.logged(run)


def test_the_sdks_own_poller_carries_a_run_to_its_end(service: Service) -> None:
    thread_id = service.thread("Good morning!")
    run = service.sdk.beta.threads.runs.create_and_poll(
        thread_id=thread_id, assistant_id=service.assistant.id
    )
    assert run.status == "completed"


def test_a_model_that_refuses_fails_the_run_with_its_reason(service: Service) -> None:
    thread_id = service.thread(script({"fail": {"status": 400, "code": "too_much"}}))
    run = service.wait(service.start(thread_id))
    assert run.status == "failed"
    assert run.last_error is not None
    assert run.last_error.code == "invalid_prompt"
    assert "too_much" in run.last_error.message
    again = service.start(thread_id, instructions="The thread is free again.")
    assert again.status == "queued"
    service.wait(again)


def test_a_passing_failure_of_the_model_is_not_seen_by_clients(service: Service) -> None:
    thread_id = service.thread(
        script({"fail": {"status": 429, "retry_after": 1, "times": 1}, "text": "There."})
    )
    run = service.start(thread_id)
    assert names_of(service.watch(run)) == [*HEAD, *MESSAGE, "run.completed"]


def test_a_connection_that_breaks_in_the_answer_begins_it_anew(service: Service) -> None:
    thread_id = service.thread(
        script({"text": {"tokens": 30}, "rate": 60, "cut_after": 10, "cut_times": 1})
    )
    run = service.start(thread_id)
    events = service.watch(run)
    names = names_of(events)
    broken = names.index("message.incomplete")
    assert names[broken : broken + 3] == [
        "message.incomplete",
        "run.step.failed",
        "run.step.created",
    ]
    assert names[-1] == "run.completed"
    whole = service.sdk.beta.threads.messages.list(thread_id, run_id=run.id).data
    assert [message.status for message in whole] == ["completed", "incomplete"]
    assert whole[0].content[0].type == "text"
    assert whole[0].content[0].text.value == tokens(30)


def test_a_run_is_cancelled_in_the_middle_of_its_answer(service: Service) -> None:
    thread_id = service.thread(script({"text": {"tokens": 600}, "rate": 20}))
    with (
        Client(service.info.websocket_url, service.info.api_key) as client,
        client.subscribe(thread_id=thread_id, until="pause", timeout=60) as stream,
    ):
        run = service.start(thread_id)
        events: list[Event] = []
        for event in stream:
            events.append(event)
            if event.event == "thread.message.delta" and len(events) < 20:
                cancelling = service.sdk.beta.threads.runs.cancel(run.id, thread_id=thread_id)
                assert cancelling.status == "cancelling"
                break
        events += list(stream)
    assert names_of(events)[-4:] == [
        "run.cancelling",
        "message.incomplete",
        "run.step.cancelled",
        "run.cancelled",
    ]
    assert service.run(run).status == "cancelled"
