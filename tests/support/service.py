"""A running service as its users see it: the official SDK, and the WebSocket client."""

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx
from openai import OpenAI
from openai.types.beta import Assistant
from openai.types.beta.threads import Run

from infra.local.info import StackInfo
from threadrunner_client import Client, Event


@dataclass(frozen=True)
class Service:
    """A local stack, from outside.

    Attributes:
        info: where it is.
        base_url: which of its two ways to the API is taken.
    """

    info: StackInfo
    base_url: str

    @cached_property
    def sdk(self) -> OpenAI:
        """The official SDK with the project's key."""
        return OpenAI(base_url=self.base_url, api_key=self.info.api_key, timeout=60)

    @cached_property
    def assistant(self) -> Assistant:
        """An assistant without tools."""
        return self.sdk.beta.assistants.create(model=self.info.model.name)

    def thread(self, content: str) -> str:
        """Create a thread with a user's message; return its id."""
        return self.sdk.beta.threads.create(messages=[{"role": "user", "content": content}]).id

    def start(self, thread_id: str, **options: Any) -> Run:
        """Create a run."""
        options.setdefault("assistant_id", self.assistant.id)
        run: Run = self.sdk.beta.threads.runs.create(thread_id, **options)
        return run

    def run(self, run: Run) -> Run:
        """Return a run as it is now."""
        return self.sdk.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)

    def wait(self, run: Run, seconds: float = 60) -> Run:
        """Return a run once it waits for nobody but its client, if at all."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            run = self.run(run)
            if run.status not in ("queued", "in_progress", "cancelling"):
                return run
            time.sleep(0.1)
        raise AssertionError(f"run {run.id} is still {run.status} after {seconds} s")

    def watch(self, run: Run, **options: Any) -> list[Event]:
        """Return the events of a run over the WebSocket, until it ends or asks for something."""
        with (
            Client(self.info.websocket_url, self.info.api_key, base_url=self.base_url) as client,
            client.subscribe(
                thread_id=run.thread_id, run_id=run.id, timeout=60, **options
            ) as events,
        ):
            return list(events)

    def logged(self, run: Run) -> list[str]:
        """Return the ids of a run's events as the HTTP API serves its log."""
        ids: list[str] = []
        while True:
            query = f"?limit=100&after={ids[-1]}" if ids else "?limit=100"
            url = f"{self.base_url}/threads/{run.thread_id}/runs/{run.id}/events{query}"
            headers = {"Authorization": f"Bearer {self.info.api_key}"}
            page = httpx.get(url, headers=headers, trust_env=False, timeout=60).json()
            ids += [event["id"] for event in page["data"]]
            if not page["has_more"]:
                return ids

    def model_requests(self) -> list[dict[str, Any]]:
        """Return what the scripted model was asked."""
        root = self.info.model.base_url.removesuffix("/v1")
        answer = httpx.get(f"{root}/requests", trust_env=False, timeout=30).json()
        requests: list[dict[str, Any]] = answer["data"]
        return requests


def script(*turns: dict[str, Any]) -> str:
    """Return a message that tells the scripted model what to do, as no other test does."""
    return "@script " + json.dumps({"name": uuid.uuid4().hex, "turns": list(turns)})


def text_of(events: Sequence[Event]) -> str:
    """Return the text that the deltas add up to."""
    return "".join(
        part["text"]["value"]
        for event in events
        if event.event == "thread.message.delta"
        for part in event.data["delta"]["content"]
    )


def names_of(events: Sequence[Event]) -> list[str]:
    """Return the events' names, neighbouring deltas as one, without `thread.`."""
    names: list[str] = []
    for event in events:
        name = event.event.removeprefix("thread.")
        if not (name.endswith("delta") and names and names[-1] == name):
            names.append(name)
    return names


def tokens(count: int) -> str:
    """Return the text of the scripted model's numbered tokens."""
    return " ".join(str(number) for number in range(1, count + 1))
