"""The same through the SDK's asynchronous client."""

import asyncio

from openai import AsyncOpenAI, BadRequestError

from tests.contract.python.registry import scenario
from tests.contract.python.session import (
    MODEL,
    POLL_MS,
    WEATHER,
    Session,
    expect,
    new_call_id,
    refusal_of,
    run_asynchronously,
    script,
)


@scenario
def runs_are_polled_side_by_side(session: Session) -> None:
    """Several conversations at once do not disturb each other."""

    async def talk(client: AsyncOpenAI) -> None:
        assistant = await client.beta.assistants.create(model=MODEL)

        async def ask(text: str) -> str:
            run = await client.beta.threads.create_and_run_poll(
                assistant_id=assistant.id,
                thread={"messages": [{"role": "user", "content": script({"text": text})}]},
                poll_interval_ms=POLL_MS,
            )
            expect(run.status, "completed")
            messages = await client.beta.threads.messages.list(run.thread_id)
            part = messages.data[0].content[0]
            assert part.type == "text"
            return part.text.value

        expect(await asyncio.gather(*(ask(text) for text in "abc")), ["a", "b", "c"])

    run_asynchronously(session, talk)


@scenario
def functions_are_answered_asynchronously(session: Session) -> None:
    """Create and poll, submit and poll."""
    call_id = new_call_id()
    calls = [{"name": "get_weather", "arguments": {"city": "Oslo"}, "id": call_id}]

    async def talk(client: AsyncOpenAI) -> None:
        assistant = await client.beta.assistants.create(model=MODEL, tools=[WEATHER])
        text = script({"calls": calls}, {"text": "It rains."})
        thread = await client.beta.threads.create(messages=[{"role": "user", "content": text}])
        run = await client.beta.threads.runs.create_and_poll(
            thread_id=thread.id, assistant_id=assistant.id, poll_interval_ms=POLL_MS
        )
        expect(run.status, "requires_action")
        run = await client.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id,
            thread_id=thread.id,
            tool_outputs=[{"tool_call_id": call_id, "output": "rain"}],
            poll_interval_ms=POLL_MS,
        )
        expect(run.status, "completed")

    run_asynchronously(session, talk)


@scenario
def pages_are_walked_asynchronously(session: Session) -> None:
    """`async for` asks for page after page."""
    thread_id = session.thread(*"abcde")

    async def walk(client: AsyncOpenAI) -> None:
        parts = [
            message.content[0]
            async for message in client.beta.threads.messages.list(thread_id, limit=2, order="asc")
        ]
        expect([part.text.value for part in parts if part.type == "text"], list("abcde"))

    run_asynchronously(session, walk)


@scenario
def an_asynchronous_call_is_refused(session: Session) -> None:
    """Errors are the same classes."""

    async def ask_too_much(client: AsyncOpenAI) -> None:
        try:
            await client.beta.assistants.list(limit=101)
        except BadRequestError as error:
            expect(refusal_of(BadRequestError, error).code, "integer_above_max_value")
        else:
            raise AssertionError("the request was not refused")

    run_asynchronously(session, ask_too_much)
