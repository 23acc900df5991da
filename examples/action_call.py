"""An operation of an HTTP service that the tool worker calls: `python -m examples.action_call`.

The service runs in this program; any other with an OpenAPI document will do. Tools reach private
addresses only where the stack allows it (`EgressAllow`), as the local stack does for 127.0.0.1.
"""

from examples.connection import connect
from examples.demo.harbour import Harbour
from threadrunner_client import Client

QUESTION = 'When is the next boat? Please use next_departure with {"harbour": "Bergen"}.'

service = connect()
sdk = service.sdk()
assistant = sdk.beta.assistants.create(model=service.model)

with Harbour() as harbour, Client(service.websocket_url, service.api_key) as client:
    registered = sdk.post("/actions", body={"openapi_schema": harbour.document}, cast_to=object)
    tools = [{"type": "action", "id": action["id"]} for action in registered["data"]]  # type: ignore[index]
    thread = sdk.beta.threads.create(messages=[{"role": "user", "content": QUESTION}])
    run = sdk.beta.threads.runs.create(
        thread.id,
        assistant_id=assistant.id,
        tools=tools,  # type: ignore[arg-type]
    )
    with client.subscribe(thread_id=thread.id, run_id=run.id) as events:
        for event in events:
            if event.event == "thread.message.delta":
                print(event.data["delta"]["content"][0]["text"]["value"], end="", flush=True)
print()
