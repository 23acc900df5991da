"""A handler written for OpenAI's SDK, unchanged: `python -m examples.sdk_handler`.

The run's events come over the WebSocket, and the SDK's own handler is told of them.
"""

from openai import AssistantEventHandler
from openai.types.beta.function_tool_param import FunctionToolParam
from openai.types.beta.threads import Text, TextDelta
from openai.types.beta.threads.runs import ToolCall

from examples.connection import connect
from threadrunner_client import Client

GET_TIDE: FunctionToolParam = {
    "type": "function",
    "function": {
        "name": "get_tide",
        "description": "The tide in a harbour.",
        "parameters": {"type": "object", "properties": {"harbour": {"type": "string"}}},
    },
}
QUESTION = 'Can we sail now? Please use get_tide with {"harbour": "Bergen"}.'


class Printer(AssistantEventHandler):
    """Shows an answer as it comes."""

    def on_tool_call_done(self, tool_call: ToolCall) -> None:
        """Say what is called."""
        if tool_call.type == "function":
            print(f"[the model calls {tool_call.function.name}({tool_call.function.arguments})]")

    def on_text_delta(self, delta: TextDelta, snapshot: Text) -> None:
        """Show a piece of text."""
        print(delta.value, end="", flush=True)

    def on_text_done(self, text: Text) -> None:
        """End the line."""
        print()


service = connect()
sdk = service.sdk()
assistant = sdk.beta.assistants.create(model=service.model, tools=[GET_TIDE])
thread = sdk.beta.threads.create(messages=[{"role": "user", "content": QUESTION}])
run = sdk.beta.threads.runs.create(thread.id, assistant_id=assistant.id)

with (
    Client(service.websocket_url, service.api_key, base_url=service.base_url) as client,
    client.subscribe(thread_id=thread.id, run_id=run.id) as events,
):
    # As in the SDK, a handler serves up to where the run ends, or waits for tool outputs.
    run = events.feed(Printer()).get_final_run()
    while run.required_action is not None and run.status == "requires_action":
        sdk.beta.threads.runs.submit_tool_outputs(
            run.id,
            thread_id=thread.id,
            tool_outputs=[
                {"tool_call_id": call.id, "output": "high water in an hour"}
                for call in run.required_action.submit_tool_outputs.tool_calls
            ],
        )
        run = events.feed(Printer()).get_final_run()
