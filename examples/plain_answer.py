"""One question, one answer, streamed: `python -m examples.plain_answer`."""

from examples.connection import connect
from threadrunner_client import Client

service = connect()
sdk = service.sdk()

assistant = sdk.beta.assistants.create(model=service.model, instructions="Be brief.")
thread = sdk.beta.threads.create(messages=[{"role": "user", "content": "Why is the sky blue?"}])
run = sdk.beta.threads.runs.create(thread.id, assistant_id=assistant.id)

with (
    Client(service.websocket_url, service.api_key) as client,
    client.subscribe(thread_id=thread.id, run_id=run.id) as events,
):
    for event in events:
        if event.event == "thread.message.delta":
            for part in event.data["delta"]["content"]:
                print(part["text"]["value"], end="", flush=True)
print()
