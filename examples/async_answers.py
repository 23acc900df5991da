"""Three questions at once over one connection, with asyncio: `python -m examples.async_answers`.

Each run is created over the WebSocket, which then tells of it from its first event on.
"""

import asyncio

from examples.connection import connect
from threadrunner_client import AsyncClient

QUESTIONS = ["Why is the sky blue?", "Why is grass green?", "Why is snow white?"]

service = connect()
assistant = service.sdk().beta.assistants.create(model=service.model, instructions="Be brief.")


async def ask(client: AsyncClient, question: str) -> None:
    """Ask a question on a thread of its own, and show the answer when it is whole."""
    run = {
        "assistant_id": assistant.id,
        "thread": {"messages": [{"role": "user", "content": question}]},
    }
    async with client.create_run(run=run) as events:
        async for event in events:
            if event.event == "thread.message.completed":
                print(question, event.data["content"][0]["text"]["value"], sep="\n", end="\n\n")


async def main() -> None:
    """Ask all of them."""
    async with AsyncClient(
        service.websocket_url, service.api_key, base_url=service.base_url
    ) as client:
        await asyncio.gather(*(ask(client, question) for question in QUESTIONS))


asyncio.run(main())
