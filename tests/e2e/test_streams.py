"""Server-sent events from the local stack, while its model is still talking."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from openai import AssistantEventHandler, BadRequestError
from openai.types.beta import AssistantStreamEvent
from openai.types.beta.threads import Run, Text, TextDelta

from infra.local.info import StackInfo
from tests.support.service import Service, script, tokens
from tests.support.streams import DONE, Sent, names_of, parse_stream

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


@pytest.fixture
def service(stack: StackInfo) -> Service:
    """The service at the base URL that clients are given."""
    return Service(stack, stack.base_url)


class Handler(AssistantEventHandler):
    """Notes what comes, and when; answers calls from within."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service = service
        self.names: list[str] = []
        self.deltas: list[float] = []
        self.text = ""

    def on_event(self, event: AssistantStreamEvent) -> None:
        self.names.append(event.event)
        if event.event == "thread.run.requires_action":
            self._answer(event.data)

    def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
        self.deltas.append(time.time())
        self.text += delta.value or ""

    def _answer(self, run: Run) -> None:
        assert run.required_action is not None
        calls = run.required_action.submit_tool_outputs.tool_calls
        then = Handler(self.service)
        with self.service.sdk.beta.threads.runs.submit_tool_outputs_stream(
            run_id=run.id,
            thread_id=run.thread_id,
            tool_outputs=[{"tool_call_id": call.id, "output": "rain"} for call in calls],
            event_handler=then,
        ) as stream:
            stream.until_done()
        self.names += then.names
        self.text += then.text


def test_the_sdk_streams_a_run_while_the_model_is_still_talking(service: Service) -> None:
    handler = Handler(service)
    content = script({"text": {"tokens": 60}, "rate": 20})
    with service.sdk.beta.threads.runs.stream(
        thread_id=service.thread(content),
        assistant_id=service.assistant.id,
        event_handler=handler,
    ) as stream:
        run = stream.get_final_run()
    assert run.status == "completed"
    assert handler.text == tokens(60)
    assert len(handler.deltas) > 20, "60 tokens in 3 s are not sent in a few lumps"
    asked = next(
        request
        for request in service.model_requests()
        if request["body"]["messages"][-1]["content"] == content
    )
    assert handler.deltas[0] < asked["chunk_times"][-1] - 1, "the first delta waits for no other"


def test_a_call_is_answered_from_within_the_stream(service: Service) -> None:
    call = {"name": "get_weather", "arguments": {"city": "Oslo"}}
    tools: Any = [WEATHER]
    handler = Handler(service)
    with service.sdk.beta.threads.runs.stream(
        thread_id=service.thread(script({"calls": [call]}, {"text": "It rains."})),
        assistant_id=service.assistant.id,
        tools=tools,
        event_handler=handler,
    ) as stream:
        stream.until_done()
    assert handler.names[-1] == "thread.run.completed"
    assert handler.text == "It rains."


def events_path(service: Service, run: Run) -> str:
    return f"{service.base_url}/threads/{run.thread_id}/runs/{run.id}/events"


def headers_of(service: Service, last: str = "") -> dict[str, str]:
    """Return the headers by which a stream is taken up behind an event."""
    wanted = {"Authorization": f"Bearer {service.info.api_key}", "Accept": "text/event-stream"}
    return wanted | ({"Last-Event-ID": last} if last else {})


def take_up(service: Service, run: Run, last: str = "") -> list[Sent]:
    """Return a stream from behind an event to its end."""
    url, headers = events_path(service, run), headers_of(service, last)
    answer = httpx.get(url, headers=headers, trust_env=False, timeout=60)
    assert answer.status_code == 200, answer.text
    return parse_stream(answer.text)


def arriving(response: httpx.Response) -> Iterator[Sent]:
    """Yield the events of a stream as they arrive."""
    rest = ""
    for text in response.iter_text():
        rest += text
        whole, found, rest = rest.rpartition("\n\n")
        if found:
            yield from parse_stream(whole + found)


@pytest.mark.fault("stream-left")
def test_a_connection_that_is_lost_is_taken_up_where_it_was(service: Service) -> None:
    run = service.start(service.thread(script({"text": {"tokens": 100}, "rate": 50})))
    url, headers = events_path(service, run), headers_of(service)
    seen: list[Sent] = []
    with httpx.stream("GET", url, headers=headers, trust_env=False, timeout=60) as response:
        for event in arriving(response):
            seen.append(event)
            if event.event == "thread.message.delta":
                break
    rest = take_up(service, run, seen[-1].id)
    assert rest[-1] == Sent("done", DONE)
    assert len(rest) > 10, "the connection was lost while the model was talking"
    assert [event.id for event in [*seen, *rest[:-1]]] == service.logged(run)


def test_two_streams_of_a_run_see_the_same(service: Service) -> None:
    run = service.start(service.thread(script({"text": {"tokens": 100}, "rate": 50})))
    with ThreadPoolExecutor(2) as pool:
        one, other = (pool.submit(take_up, service, run) for _ in range(2))
    assert one.result() == other.result()
    assert names_of(one.result())[-2:] == ["run.completed", "done"]
    assert [event.id for event in one.result()[:-1]] == service.logged(run)


def test_the_gateway_of_an_emulator_says_that_it_cannot_stream(stack: StackInfo) -> None:
    service = Service(stack, stack.gateway_base_url)
    thread_id = service.thread("Hello")
    with (
        pytest.raises(BadRequestError) as caught,
        service.sdk.beta.threads.runs.stream(
            thread_id=thread_id, assistant_id=service.assistant.id
        ) as stream,
    ):
        stream.until_done()
    assert caught.value.code == "unsupported_value"
    assert stack.websocket_url in caught.value.message
    run = service.wait(service.start(thread_id))
    answer = httpx.get(
        events_path(service, run), headers=headers_of(service), trust_env=False, timeout=30
    )
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "unsupported_value"
