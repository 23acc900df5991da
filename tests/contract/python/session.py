"""Clients of the SDK whose every answer is checked, and short words for what scenarios need."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

from openai import (
    APIStatusError,
    AsyncOpenAI,
    AzureOpenAI,
    DefaultAsyncHttpxClient,
    DefaultHttpxClient,
    OpenAI,
)
from openai.types.beta import Assistant
from openai.types.beta.threads import Run

from tests.contract.python.answers import SHAPES, faults_of

MODEL: Final = "scripted-model"
WEATHER: Final[Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
POLL_MS: Final = 50


class Refusal(NamedTuple):
    """What a program learns of a request that was refused."""

    message: str
    type: str | None
    param: str | None
    code: str | None
    request_id: str | None


@dataclass
class Session:
    """One program's view of the service.

    Attributes:
        root_url: the API's URL, without `/v1`.
        key: the key of a project of its own.
        faults: what was wrong with answers since the list was last emptied.
    """

    root_url: str
    key: str
    faults: list[str] = field(default_factory=list)

    @cached_property
    def client(self) -> OpenAI:
        """The SDK as most programs use it."""
        return self.client_with(self.key)

    def client_with(self, key: str) -> OpenAI:
        """Return a client with another key."""
        return OpenAI(
            base_url=f"{self.root_url}/v1",
            api_key=key,
            max_retries=0,
            http_client=self._http_client(),
        )

    def asynchronous(self) -> AsyncOpenAI:
        """Return a client for one event loop."""
        return AsyncOpenAI(
            base_url=f"{self.root_url}/v1",
            api_key=self.key,
            max_retries=0,
            http_client=DefaultAsyncHttpxClient(
                event_hooks={"response": [self._check_asynchronously]}, trust_env=False
            ),
        )

    def azure(self, key: str) -> AzureOpenAI:
        """Return a client that takes the service for Azure's."""
        return AzureOpenAI(
            azure_endpoint=self.root_url,
            api_key=key,
            api_version="2024-05-01-preview",
            max_retries=0,
            http_client=self._http_client(),
        )

    def assistant(self, **fields: Any) -> Assistant:
        """Create an assistant."""
        return self.client.beta.assistants.create(**({"model": MODEL} | fields))

    def thread(self, *texts: str) -> str:
        """Create a thread with a user's messages; return its id."""
        messages: Any = [{"role": "user", "content": text} for text in texts]
        return self.client.beta.threads.create(messages=messages).id

    def finished_run(self) -> Run:
        """Have an assistant answer; return the completed run."""
        run = self.client.beta.threads.runs.create_and_poll(
            thread_id=self.thread("Hello"),
            assistant_id=self.assistant().id,
            poll_interval_ms=POLL_MS,
        )
        expect(run.status, "completed")
        return run

    def waiting_run(self, *call_ids: str) -> Run:
        """Have an assistant ask for the weather; return the run, which waits for its outputs."""
        calls = [
            {"name": "get_weather", "arguments": {"city": "Oslo"}, "id": call_id}
            for call_id in call_ids
        ]
        run = self.client.beta.threads.runs.create_and_poll(
            thread_id=self.thread(script({"calls": calls}, {"text": "It rains."})),
            assistant_id=self.assistant(tools=[WEATHER]).id,
            poll_interval_ms=POLL_MS,
        )
        expect(run.status, "requires_action")
        return run

    def _http_client(self) -> DefaultHttpxClient:
        return DefaultHttpxClient(event_hooks={"response": [self._check]}, trust_env=False)

    def check_event(self, event: Any) -> None:
        """Compare an event of a stream with the SDK's type of it."""
        faults = SHAPES.faults(type(event.data), event.data.to_dict())
        self.faults += [f"{event.event}: {fault}" for fault in faults]

    def _check(self, response: Any) -> None:
        if not _is_stream(response):
            response.read()
            self._note(response)

    async def _check_asynchronously(self, response: Any) -> None:
        if not _is_stream(response):
            await response.aread()
            self._note(response)

    def _note(self, response: Any) -> None:
        request = response.request
        path = request.url.path
        for prefix in ("/v1", "/openai"):
            path = path.removeprefix(prefix)
        self.faults += faults_of(
            request.method, path, response.status_code, response.headers, response.content
        )


def run_asynchronously(session: Session, act: Callable[[AsyncOpenAI], Awaitable[None]]) -> None:
    """Run a conversation with a client of its own event loop."""

    async def within() -> None:
        async with session.asynchronous() as client:
            await act(client)

    asyncio.run(within())


def script(*turns: dict[str, Any]) -> str:
    """Return a message that tells the scripted model what to do, as no other does."""
    return "@script " + json.dumps({"name": uuid.uuid4().hex, "turns": list(turns)})


def new_call_id() -> str:
    """Return an id for a tool call."""
    return f"call_{uuid.uuid4().hex}"


def expect(actual: object, wanted: object) -> None:
    """Fail unless two values are equal, saying both."""
    if actual != wanted:
        raise AssertionError(f"got {actual!r}, expected {wanted!r}")


def refused(kind: type[APIStatusError], call: Callable[[], object]) -> Refusal:
    """Return what the SDK says of a call that the API must refuse with an error of this class."""
    try:
        result = call()
    except APIStatusError as error:
        return refusal_of(kind, error)
    raise AssertionError(f"got {result!r}, expected {kind.__name__}")


def refusal_of(kind: type[APIStatusError], error: APIStatusError) -> Refusal:
    """Return what an error says; it must be of this class."""
    expect(type(error), kind)
    body: Any = error.body
    return Refusal(body["message"], error.type, error.param, error.code, error.request_id)


def _is_stream(response: Any) -> bool:
    """Tell whether an answer comes bit by bit: then its events are checked one by one."""
    return str(response.headers.get("content-type", "")).startswith("text/event-stream")
