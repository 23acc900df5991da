"""`python -m examples.demo`: three runs of one conversation, each shown as it streams."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import openai

from examples.connection import Connection, connect
from examples.demo.expectations import complaint
from examples.demo.harbour import Harbour
from examples.demo.rendering import RunView, Summary, heading, table
from threadrunner_client import Client, Event, ThreadRunnerError

_INTERRUPTED = 130
_LUGGAGE_TOOL = {
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

    def ask(self, title: str, question: str, tools: list[dict[str, Any]], tool: str | None) -> None:
        """Ask, show the run as it streams, and check that it did what it is shown for.

        Args:
            title: what the run is to show.
            question: the user's message.
            tools: what the run may call.
            tool: the name of the one that it must call, if any.

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
        if (wrong := complaint(view.summary, tool)) is not None:
            raise DemoFailure(wrong)

    def _answer(self, run_id: str, event: Event, view: RunView) -> None:
        outputs = []
        for call in event.data["required_action"]["submit_tool_outputs"]["tool_calls"]:
            output = _count_luggage(call["function"]["arguments"])
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
        demo.ask("A plain answer", _HELLO, [], None)
        boats = demo.register(harbour.document)
        demo.ask("An action, through Step Functions", _BOAT, boats, "next_departure")
        if not any(path.endswith("/next") for path in harbour.asked):
            raise DemoFailure(
                "The harbour's service was never asked: the demonstration needs a stack that "
                "runs on this machine."
            )
        demo.ask("A function, answered by this program", _LUGGAGE, [_LUGGAGE_TOOL], "count_luggage")
        _write(heading("What each run did", colour=colour) + table(demo.summaries))


def _count_luggage(arguments: str) -> str:
    """Return the function's output; `arguments` is what the model wrote, so it may be anything."""
    try:
        traveller = json.loads(arguments)["traveller"]
    except (ValueError, LookupError, TypeError):
        return json.dumps({"error": 'Give the arguments as JSON: {"traveller": "…"}.'})
    return json.dumps({"traveller": traveller, "pieces": 2, "kilograms": 23}, ensure_ascii=False)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main(words: Sequence[str] | None = None) -> int:
    """Run the demonstration; return the exit code. `words` are the command line's arguments."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--stack", metavar="FILE", help="the stack.json of the stack to talk to")
    service = connect(parser.parse_args(words).stack)
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    try:
        hold_conversation(service, colour)
    except (DemoFailure, ThreadRunnerError) as failure:
        return _fail(str(failure))
    except openai.APIStatusError as error:
        return _fail(f"The service at {service.base_url} answered: {error.message}")
    except openai.APIError as error:
        return _fail(f"The service at {service.base_url} cannot be reached: {error.message}")
    except KeyboardInterrupt:
        _fail("Interrupted.")
        return _INTERRUPTED
    return 0


def _fail(sentence: str) -> int:
    sys.stderr.write(f"\n{sentence}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
