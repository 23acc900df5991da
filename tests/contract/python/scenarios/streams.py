"""Runs that are streamed to event handlers, as programs for the Assistants API are written."""

import itertools
import json
from collections.abc import Sequence
from typing import Any

from openai import AssistantEventHandler, BadRequestError
from openai.types.beta import AssistantStreamEvent
from openai.types.beta.threads import Run, Text, TextDelta
from openai.types.beta.threads.runs import ToolCall

from tests.contract.python.registry import scenario
from tests.contract.python.session import (
    MODEL,
    WEATHER,
    Session,
    expect,
    new_call_id,
    refused,
    script,
)

HEAD = ["run.created", "run.queued", "run.in_progress"]
STEP = ["run.step.created", "run.step.in_progress"]
OPENING = [*STEP, "message.created", "message.in_progress", "message.delta"]
MESSAGE = [*OPENING, "message.completed", "run.step.completed"]
CALLS = [*STEP, "run.step.delta"]


def names_of(events: Sequence[Any]) -> list[str]:
    """Return the events' names without `thread.`, neighbouring deltas as one."""
    names = [event.event.removeprefix("thread.") for event in events]
    return [
        name
        for before, name in itertools.pairwise(["", *names])
        if not (name.endswith("delta") and name == before)
    ]


class Follower(AssistantEventHandler):
    """Keeps what it is told; answers calls from within, as OpenAI's documentation shows it.

    Attributes:
        events: every event of this stream and of those that go on after its calls.
        said: what the deltas of text add up to.
        texts: the whole texts, as they were done.
        calls: the arguments of the calls, as they were done.
    """

    def __init__(self, session: Session, output: str = "rain") -> None:
        super().__init__()
        self.session = session
        self.output = output
        self.events: list[AssistantStreamEvent] = []
        self.said = ""
        self.texts: list[str] = []
        self.calls: list[str] = []
        self.ended = False

    def on_event(self, event: AssistantStreamEvent) -> None:
        self.session.check_event(event)
        self.events.append(event)
        if event.event == "thread.run.requires_action":
            self._answer(event.data)

    def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
        self.said += delta.value or ""
        expect(snapshot.value.endswith(delta.value or ""), True)

    def on_text_done(self, text: Text) -> None:
        self.texts.append(text.value)

    def on_tool_call_done(self, tool_call: ToolCall) -> None:
        assert tool_call.type == "function"
        self.calls.append(tool_call.function.arguments)

    def on_end(self) -> None:
        self.ended = True

    def _answer(self, run: Run) -> None:
        assert run.required_action is not None
        outputs: Any = [
            {"tool_call_id": call.id, "output": self.output}
            for call in run.required_action.submit_tool_outputs.tool_calls
        ]
        then = Follower(self.session, self.output)
        with self.session.client.beta.threads.runs.submit_tool_outputs_stream(
            thread_id=run.thread_id, run_id=run.id, tool_outputs=outputs, event_handler=then
        ) as stream:
            stream.until_done()
        self.events += then.events
        self.said += then.said
        self.texts += then.texts
        expect(then.ended, True)


def follow(session: Session, text: str, **options: Any) -> Follower:
    """Stream a run on a thread with a text; return what its handler was told."""
    follower = Follower(session)
    with session.client.beta.threads.runs.stream(
        thread_id=session.thread(text),
        assistant_id=session.assistant(tools=[WEATHER]).id,
        event_handler=follower,
        **options,
    ) as stream:
        stream.until_done()
    expect(follower.ended, True)
    return follower


def calling(*call_ids: str, text: str = "") -> dict[str, Any]:
    """Return a turn of the model that calls a function, after some text."""
    calls = [
        {"name": "get_weather", "arguments": {"city": "Oslo"}, "id": call_id}
        for call_id in call_ids
    ]
    return {"calls": calls} | ({"text": text} if text else {})


@scenario
def a_run_is_streamed_to_a_handler(session: Session) -> None:
    """Deltas add up to the message, and the last run is the completed one."""
    follower = Follower(session)
    thread_id = session.thread(script({"text": {"tokens": 60}}))
    with session.client.beta.threads.runs.stream(
        thread_id=thread_id, assistant_id=session.assistant().id, event_handler=follower
    ) as stream:
        run = stream.get_final_run()
        (message,) = stream.get_final_messages()
    expect(names_of(follower.events), [*HEAD, *MESSAGE, "run.completed"])
    expect((run.status, message.status), ("completed", "completed"))
    expect(follower.said, " ".join(str(number) for number in range(1, 61)))
    expect(follower.texts, [follower.said])
    stored = session.client.beta.threads.messages.retrieve(message.id, thread_id=thread_id)
    expect(stored.to_dict(), message.to_dict())
    expect(session.client.beta.threads.runs.retrieve(run.id, thread_id=thread_id), run)


@scenario
def the_texts_of_a_stream_are_iterated_over(session: Session) -> None:
    """`text_deltas` is what most programs print."""
    with session.client.beta.threads.runs.stream(
        thread_id=session.thread(script({"text": "It rains. \u2028Zürich: 7 °C"})),
        assistant_id=session.assistant().id,
    ) as stream:
        expect("".join(stream.text_deltas), "It rains. \u2028Zürich: 7 °C")


@scenario
def a_run_is_created_with_stream_true(session: Session) -> None:
    """The bare stream, without helpers."""
    threads = session.client.beta.threads
    stream = threads.runs.create(
        session.thread("Hello"), assistant_id=session.assistant().id, stream=True
    )
    events = list(stream)
    for event in events:
        session.check_event(event)
    expect(names_of(events), [*HEAD, *MESSAGE, "run.completed"])


@scenario
def a_thread_and_its_run_are_streamed(session: Session) -> None:
    """The thread's creation comes first."""
    follower = Follower(session)
    with session.client.beta.threads.create_and_run_stream(
        assistant_id=session.assistant().id,
        thread={"messages": [{"role": "user", "content": "Hello"}]},
        event_handler=follower,
    ) as stream:
        stream.until_done()
    expect(names_of(follower.events), ["created", *HEAD, *MESSAGE, "run.completed"])


@scenario
def calls_are_answered_from_within_the_stream(session: Session) -> None:
    """The second stream goes on where the first one ended."""
    text = script(calling(new_call_id(), new_call_id()), {"text": "It rains."})
    follower = follow(session, text)
    then = ["run.step.completed", "run.queued", "run.in_progress", *MESSAGE, "run.completed"]
    expect(names_of(follower.events), [*HEAD, *CALLS, "run.requires_action", *then])
    expect(follower.texts, ["It rains."])
    expect([json.loads(arguments) for arguments in follower.calls], [{"city": "Oslo"}] * 2)


@scenario
def a_text_is_streamed_before_its_calls(session: Session) -> None:
    """The message is done before the calls' step begins."""
    text = script(calling(new_call_id(), text="A moment."), {"text": "It rains."})
    follower = follow(session, text)
    then = ["run.step.completed", "run.queued", "run.in_progress", *MESSAGE, "run.completed"]
    expect(names_of(follower.events), [*HEAD, *MESSAGE, *CALLS, "run.requires_action", *then])
    expect(follower.texts, ["A moment.", "It rains."])


@scenario
def calls_are_asked_for_twice_in_streams(session: Session) -> None:
    """Each submission is streamed to where the run waits again, or ends."""
    turns = calling(new_call_id()), calling(new_call_id()), {"text": "It rains."}
    follower = follow(session, script(*turns))
    expect(names_of(follower.events).count("run.requires_action"), 2)
    expect((follower.texts, names_of(follower.events)[-1]), (["It rains."], "run.completed"))


@scenario
def a_run_that_fails_ends_its_stream(session: Session) -> None:
    """The program learns why from the last run."""
    follower = follow(session, script({"fail": {"status": 400}}))
    expect(names_of(follower.events), [*HEAD, "run.failed"])
    run = follower.events[-1].data
    assert isinstance(run, Run) and run.last_error is not None
    expect(run.last_error.code, "invalid_prompt")


@scenario
def a_run_that_meets_its_limit_ends_its_stream(session: Session) -> None:
    """What was said so far is an incomplete message."""
    follower = follow(session, script({"text": {"tokens": 400}}), max_completion_tokens=256)
    ended = [*OPENING, "message.incomplete", "run.step.completed", "run.incomplete"]
    expect(names_of(follower.events), [*HEAD, *ended])


@scenario
def a_run_that_is_cancelled_ends_its_stream(session: Session) -> None:
    """Cancelled by its own handler, at the first word."""

    class Impatient(Follower):
        def on_text_created(self, text: Text) -> None:
            run = self.current_run
            assert run is not None
            session.client.beta.threads.runs.cancel(run.id, thread_id=run.thread_id)

    follower = Impatient(session)
    with session.client.beta.threads.runs.stream(
        thread_id=session.thread(script({"text": {"tokens": 5000}, "rate": 100})),
        assistant_id=session.assistant().id,
        event_handler=follower,
    ) as stream:
        run = stream.get_final_run()
    ended = ["message.incomplete", "run.step.cancelled", "run.cancelled"]
    names = [name for name in names_of(follower.events) if name != "message.delta"]
    expect(names, [*HEAD, *OPENING[:-1], "run.cancelling", *ended])
    expect(run.status, "cancelled")


@scenario
def a_run_that_expires_ends_its_stream(session: Session) -> None:
    """Nobody answers its call, or its model is too slow."""
    follower = follow(
        session,
        script({"text": {"tokens": 1000}, "rate": 10}),
        extra_body={"expires_after_seconds": 10},
    )
    ended = ["message.incomplete", "run.step.expired", "run.expired"]
    expect(names_of(follower.events), [*HEAD, *OPENING, *ended])


@scenario
def a_stream_that_cannot_begin_is_an_ordinary_error(session: Session) -> None:
    """A busy thread."""
    runs = session.client.beta.threads.runs
    run = session.waiting_run(new_call_id())

    def begin() -> None:
        with runs.stream(thread_id=run.thread_id, assistant_id=run.assistant_id) as stream:
            stream.until_done()

    refusal = refused(BadRequestError, begin)
    expect(refusal.message, f"Thread {run.thread_id} already has an active run {run.id}.")


@scenario
def azures_client_streams(session: Session) -> None:
    """Through its own paths."""
    client = session.azure(session.key)
    follower = Follower(session)
    with client.beta.threads.create_and_run_stream(
        assistant_id=client.beta.assistants.create(model=MODEL).id,
        thread={"messages": [{"role": "user", "content": "Hello"}]},
        event_handler=follower,
    ) as stream:
        expect(stream.get_final_run().status, "completed")
