"""A function that this program answers: `python -m examples.function_call`."""

import json

from openai.types.beta.function_tool_param import FunctionToolParam

from examples.connection import connect
from threadrunner_client import Client

GET_WEATHER: FunctionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
QUESTION = 'Do I need an umbrella? Please use get_weather with {"city": "Bergen"}.'

service = connect()
sdk = service.sdk()
assistant = sdk.beta.assistants.create(model=service.model, tools=[GET_WEATHER])
thread = sdk.beta.threads.create(messages=[{"role": "user", "content": QUESTION}])
run = sdk.beta.threads.runs.create(thread.id, assistant_id=assistant.id)

with (
    Client(service.websocket_url, service.api_key) as client,
    # One subscription serves the run before and after its call is answered.
    client.subscribe(thread_id=thread.id, run_id=run.id, until="end") as events,
):
    for event in events:
        if event.event == "thread.run.requires_action":
            outputs = []
            for call in event.data["required_action"]["submit_tool_outputs"]["tool_calls"]:
                city = json.loads(call["function"]["arguments"])["city"]
                print(f"[the model asks for the weather in {city}]")
                outputs.append({"tool_call_id": call["id"], "output": "rain, 9 degrees"})
            sdk.beta.threads.runs.submit_tool_outputs(
                run.id,
                thread_id=thread.id,
                tool_outputs=outputs,  # type: ignore[arg-type]
            )
        elif event.event == "thread.message.delta":
            print(event.data["delta"]["content"][0]["text"]["value"], end="", flush=True)
print()
