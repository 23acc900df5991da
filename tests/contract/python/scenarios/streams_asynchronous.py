"""The same through the SDK's asynchronous handlers."""

from typing import Any

from openai import AsyncAssistantEventHandler, AsyncOpenAI
from openai.types.beta import AssistantStreamEvent
from openai.types.beta.threads import Run, Text, TextDelta

from tests.contract.python.registry import scenario
from tests.contract.python.scenarios.streams import CALLS, HEAD, MESSAGE, calling, names_of
from tests.contract.python.session import (
    MODEL,
    WEATHER,
    Session,
    expect,
    new_call_id,
    run_asynchronously,
    script,
)


class Follower(AsyncAssistantEventHandler):
    """Keeps what it is told, and answers calls from within."""

    def __init__(self, session: Session, client: AsyncOpenAI) -> None:
        super().__init__()
        self.session = session
        self.client = client
        self.events: list[AssistantStreamEvent] = []
        self.said = ""
        self.texts: list[str] = []

    async def on_event(self, event: AssistantStreamEvent) -> None:
        self.session.check_event(event)
        self.events.append(event)
        if event.event == "thread.run.requires_action":
            await self._answer(event.data)

    async def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
        self.said += delta.value or ""

    async def on_text_done(self, text: Text) -> None:
        self.texts.append(text.value)

    async def _answer(self, run: Run) -> None:
        assert run.required_action is not None
        outputs: Any = [
            {"tool_call_id": call.id, "output": "rain"}
            for call in run.required_action.submit_tool_outputs.tool_calls
        ]
        then = Follower(self.session, self.client)
        async with self.client.beta.threads.runs.submit_tool_outputs_stream(
            thread_id=run.thread_id, run_id=run.id, tool_outputs=outputs, event_handler=then
        ) as stream:
            await stream.until_done()
        self.events += then.events
        self.texts += then.texts


@scenario
def a_run_is_streamed_to_an_asynchronous_handler(session: Session) -> None:
    """With a call that is answered from within the stream."""
    text = script(calling(new_call_id(), text="A moment."), {"text": "It rains."})
    thread_id = session.thread(text)

    async def talk(client: AsyncOpenAI) -> None:
        assistant = await client.beta.assistants.create(model=MODEL, tools=[WEATHER])
        follower = Follower(session, client)
        async with client.beta.threads.runs.stream(
            thread_id=thread_id, assistant_id=assistant.id, event_handler=follower
        ) as stream:
            await stream.until_done()
        then = ["run.step.completed", "run.queued", "run.in_progress", *MESSAGE, "run.completed"]
        expected = [*HEAD, *MESSAGE, *CALLS, "run.requires_action", *then]
        expect(names_of(follower.events), expected)
        expect(follower.texts, ["A moment.", "It rains."])
        expect(follower.said, "A moment.")

    run_asynchronously(session, talk)


@scenario
def a_thread_and_its_run_are_streamed_asynchronously(session: Session) -> None:
    """`async for` over the events."""

    async def talk(client: AsyncOpenAI) -> None:
        assistant = await client.beta.assistants.create(model=MODEL)
        async with client.beta.threads.create_and_run_stream(
            assistant_id=assistant.id,
            thread={"messages": [{"role": "user", "content": script({"text": "Hello."})}]},
        ) as stream:
            events = [event async for event in stream]
            run = await stream.get_final_run()
        expect(names_of(events), ["created", *HEAD, *MESSAGE, "run.completed"])
        expect(run.status, "completed")

    run_asynchronously(session, talk)


@scenario
def a_stream_that_its_client_leaves_harms_nothing(session: Session) -> None:
    """The run goes on, and is found completed."""
    thread_id = session.thread(script({"text": {"tokens": 100}}))

    async def leave(client: AsyncOpenAI) -> None:
        assistant = await client.beta.assistants.create(model=MODEL)
        stream = await client.beta.threads.runs.create(
            thread_id, assistant_id=assistant.id, stream=True
        )
        async for event in stream:
            if event.event == "thread.message.delta":
                break
        await stream.close()
        (run,) = (await client.beta.threads.runs.list(thread_id)).data
        run = await client.beta.threads.runs.poll(run.id, thread_id=thread_id, poll_interval_ms=50)
        expect(run.status, "completed")

    run_asynchronously(session, leave)
