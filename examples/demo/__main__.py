"""`python -m examples.demo`: three runs of one conversation, each shown as it streams."""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import openai

from examples.connection import Connection, connect
from examples.demo.harbour import Harbour
from examples.demo.rendering import RunView, Summary, heading, table
from threadrunner_client import Client, Event, ThreadRunnerError

_PACK = {
    "type": "function",
    "function": {
        "name": "count_luggage",
        "description": "How many pieces of luggage the traveller has.",
        "parameters": {
            "type": "object",
            "properties": {"traveller": {"type": "string"}},
            "required": ["traveller"],
        },
    },
}
_HELLO = "Good morning! Please greet a traveller who waits for a boat."
_BOAT = 'When does the next boat leave? Please use next_departure with {"harbour": "Bergen"}.'
_LUGGAGE = 'How much do I carry? Please use count_luggage with {"traveller": "Ingrid"}.'


class DemoFailure(Exception):
    """Something did not go as it should; the message says what."""


class Demo:
    """A conversation in one thread.

    Args:
        service: where it is held.
        client: a WebSocket connection.
        colour: whether the terminal shows colours.
    """

    def __init__(self, service: Connection, client: Client, colour: bool) -> None:
        self._sdk = service.sdk()
        self._client = client
        self._colour = colour
        instructions = "You help travellers on a quay. Be brief and friendly."
        self._assistant = self._sdk.beta.assistants.create(
            model=service.model, name="Quay", instructions=instructions
        )
        self._thread = self._sdk.beta.threads.create()
        self.summaries: list[Summary] = []

    def ask(self, title: str, question: str, tools: list[dict[str, Any]], calls: int) -> None:
        """Ask, show the run as it streams, and check that it did what it is shown for.

        Raises:
            DemoFailure: it did not.
        """
        _write(heading(title, colour=self._colour) + f"  {question}\n")
        self._sdk.beta.threads.messages.create(self._thread.id, role="user", content=question)
        view = RunView(Summary(title), self._colour)
        self.summaries.append(view.summary)
        with self._client.subscribe(thread_id=self._thread.id, until="end", timeout=120) as events:
            began = time.monotonic()
            run = self._sdk.beta.threads.runs.create(
                self._thread.id,
                assistant_id=self._assistant.id,
                tools=tools,  # type: ignore[arg-type]
            )
            for event in events:
                _write(view.show(event, time.monotonic() - began))
                if event.event == "thread.run.requires_action":
                    self._answer(run.id, event, view)
        _check(view.summary, calls)

    def _answer(self, run_id: str, event: Event, view: RunView) -> None:
        outputs = []
        for call in event.data["required_action"]["submit_tool_outputs"]["tool_calls"]:
            traveller = json.loads(call["function"]["arguments"]).get("traveller", "you")
            output = json.dumps({"traveller": traveller, "pieces": 2, "kilograms": 23})
            _write(view.note(f"this program answers: {output}"))
            outputs.append({"tool_call_id": call["id"], "output": output})
        self._sdk.beta.threads.runs.submit_tool_outputs(
            run_id,
            thread_id=self._thread.id,
            tool_outputs=outputs,  # type: ignore[arg-type]
        )

    def register(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        """Register an OpenAPI document; return its operations as tools."""
        created = self._sdk.post("/actions", body={"openapi_schema": document}, cast_to=object)
        return [{"type": "action", "id": action["id"]} for action in created["data"]]  # type: ignore[index]


def hold_conversation(service: Connection, colour: bool) -> None:
    """Hold the demonstration's conversation.

    Raises:
        DemoFailure: a run did not do what it is shown for.
    """
    with Harbour() as harbour, Client(service.websocket_url, service.api_key) as client:
        demo = Demo(service, client, colour)
        demo.ask("A plain answer", _HELLO, [], calls=0)
        boats = demo.register(harbour.document)
        demo.ask("An action, through Step Functions", _BOAT, boats, calls=1)
        if not any(path.endswith("/next") for path in harbour.asked):
            raise DemoFailure("The harbour's service was never asked.")
        demo.ask("A function, answered by this program", _LUGGAGE, [_PACK], calls=1)
        _write(heading("What each run did", colour=colour) + table(demo.summaries))


def _check(summary: Summary, calls: int) -> None:
    if summary.status != "completed":
        raise DemoFailure(f"The run of {summary.title!r} ended {summary.status}, not completed.")
    if summary.calls < calls:
        raise DemoFailure(
            f"The model answered {summary.title!r} without its tool; try a model that calls tools."
        )


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main(talk: Callable[[Connection, bool], None] = hold_conversation) -> int:
    """Run the demonstration; return the exit code."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    service = connect()
    try:
        talk(service, colour)
    except (DemoFailure, ThreadRunnerError) as failure:
        sys.stderr.write(f"\n{failure}\n")
        return 1
    except openai.APIError as error:
        sys.stderr.write(f"\nThe service at {service.base_url} answered: {error.message}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
